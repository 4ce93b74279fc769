import XentProtocol
import XentService
import ZeroMQ

/// What may be said of all lanes at once, and of each.
struct Limits {
  var requests = RequestLimits()
  var waitingByteCount: Int?
  var clientsWaitingByteCount: Int?
  var queuedRequestCount: Int?
  var peerCount: Int?

  static let keys = [
    "batch_bytes", "result_bytes", "rows", "classes", "waiting_bytes", "clients_waiting_bytes", "queued_requests",
    "peers",
  ]

  /// Reads the key `limits` of a section.
  /// - Parameter base: what holds where it says nothing.
  init(_ parent: Section, base: Limits? = nil) throws(ConfigurationError) {
    if let base { self = base }
    guard let section = try parent.section("limits", keys: Self.keys) else { return }
    if let value = try section.integer("batch_bytes", in: Self.bytes) { requests.maximumRequestByteCount = value }
    if let value = try section.integer("result_bytes", in: Self.bytes) { requests.maximumResultByteCount = value }
    if let value = try section.integer("rows", in: 1...Int(UInt32.max)) { requests.maximumRowCount = value }
    if let value = try section.integer("classes", in: 1...Int(Int32.max)) { requests.maximumClassCount = value }
    if let value = try section.integer("waiting_bytes", in: Self.bytes) { waitingByteCount = value }
    if let value = try section.integer("clients_waiting_bytes", in: Self.bytes) { clientsWaitingByteCount = value }
    if let value = try section.integer("queued_requests", in: 1...1_000_000) { queuedRequestCount = value }
    if let value = try section.integer("peers", in: 1...1_000_000) { peerCount = value }
  }

  private static let bytes = RequestHeader.byteCount...1 << 40
}

extension LaneConfiguration {
  static let keys = ["name", "kind", "requests", "results", "endpoints", "limits"]

  /// - Parameters:
  ///   - limits: those of all lanes.
  ///   - secretKey: that of endpoints with CURVE; nil where the file names none.
  init(_ section: Section, limits: Limits, secretKey: CurveSecretKey?) throws(ConfigurationError) {
    let name = try section.text("name")
    switch try section.choice("kind", of: ["pipeline", "router"]) {
    case "pipeline":
      try section.forbid("endpoints", because: "a pipeline lane has `requests` and `results`")
      self.init(
        name: name,
        sockets: .pipeline(
          requests: try section.endpoints("requests", secretKey), results: try section.endpoints("results", secretKey)))
    case "router":
      for key in ["requests", "results"] { try section.forbid(key, because: "a router lane has `endpoints`") }
      self.init(name: name, sockets: .router(try section.endpoints("endpoints", secretKey)))
    default:
      throw section.error("kind", "missing: expected pipeline or router")
    }
    apply(try Limits(section, base: limits))
  }

  private mutating func apply(_ own: Limits) {
    limits = own.requests
    if let value = own.waitingByteCount { maximumWaitingByteCount = value }
    if let value = own.clientsWaitingByteCount { maximumClientsWaitingByteCount = value }
    if let value = own.queuedRequestCount { queuedRequestCount = value }
    if let value = own.peerCount { maximumPeerCount = value }
  }
}

extension Section {
  /// One endpoint or a list of them, each a text, which is bound, or a mapping that says more.
  fileprivate func endpoints(
    _ key: String, _ secretKey: CurveSecretKey?
  ) throws(ConfigurationError) -> [EndpointConfiguration] {
    let endpoints = try textsOrSections(key, name: "an endpoint", keys: EndpointConfiguration.keys)
      .map { (endpoint) throws(ConfigurationError) in
        switch endpoint {
        case .text(let address, let place): try EndpointConfiguration(address, at: place)
        case .section(let section): try EndpointConfiguration(section, secretKey)
        }
      }
    guard !endpoints.isEmpty else { throw error(key, "missing: expected ipc://PATH or tcp://ADDRESS:PORT, or a list") }
    return endpoints
  }
}

extension EndpointConfiguration {
  static let keys = Role.allCases.map(\.rawValue) + ["curve", "allow_insecure", "mode", "group"]

  fileprivate init(_ address: String, at place: Place) throws(ConfigurationError) {
    self.init(address)
    if let problem = problem ?? securityProblem { throw place.error("\(address): \(problem)") }
  }

  fileprivate init(_ section: Section, _ secretKey: CurveSecretKey?) throws(ConfigurationError) {
    let key = try section.onlyKey(of: Role.allCases.map(\.rawValue))
    self.init(try section.text(key), role: Role(rawValue: key)!)
    if try section.flag("curve") ?? false {
      guard let secretKey else {
        throw section.error("curve", "needs the key `curve` of the file, with `secret_key` and `clients`")
      }
      security = .server(secretKey: secretKey)
    }
    allowsInsecure = try section.flag("allow_insecure") ?? false
    if let problem = problem ?? securityProblem { throw section.error(key, "\(address): \(problem)") }
    access.mode = try section.mode("mode")
    access.groupID = try section.group("group")
    for key in ["mode", "group"] where role != .bind || !address.hasPrefix("ipc:///") {
      try section.forbid(key, because: "only an ipc:// endpoint that is bound has a file")
    }
  }
}
