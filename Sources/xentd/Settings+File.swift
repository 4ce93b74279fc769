import CrossEntropy
import Glibc
import Logging
import XentProtocol
import XentService
import YAML

/// What is wrong with a configuration file, and where.
struct ConfigurationError: Error, CustomStringConvertible {
  let file: String
  let line: Int?
  let problem: String
  var description: String { line.map { "\(file):\($0): \(problem)" } ?? "\(file): \(problem)" }
}

extension Settings {
  /// Reads a YAML file. What it does not name has its default; a key that is not known is an error.
  init(file: String) throws(ConfigurationError) {
    let text = try contents(of: file)
    let root: YAMLNode?
    do throws(YAMLError) {
      root = try YAMLNode.parse(text)
    } catch {
      throw ConfigurationError(file: file, line: error.line, problem: "not YAML: \(error.problem)")
    }
    guard let root else { throw ConfigurationError(file: file, line: nil, problem: "empty: expected a key `lanes`") }
    let section = try Section(root, file: file, name: "the file", keys: Self.keys)
    let limits = try Limits(section)
    service = ServiceConfiguration(lanes: [])
    service.lanes = try section.list("lanes").map { (node) throws(ConfigurationError) in
      try LaneConfiguration(node, file: file, limits: limits)
    }
    if let seconds = try section.number("drain_seconds", in: 0...3600) { service.drainSeconds = seconds }
    service.workerCount = try section.integer("workers", in: ServiceConfiguration.workerCounts, or: "auto")
    kernelName = try section.kernel("kernel")
    if let level = try section.choice("log_level", of: Logger.Level.allCases.map { "\($0)" }) {
      logLevel = Logger.Level(rawValue: level) ?? .info
    }
    if let problem = service.problem { throw section.error("lanes", problem) }
  }

  static let keys = ["lanes", "workers", "kernel", "drain_seconds", "log_level", "limits"]
}

/// The limits of one lane, or of all that do not say otherwise.
struct Limits {
  var requests = RequestLimits()
  var waitingByteCount: Int?

  static let keys = ["batch_bytes", "result_bytes", "rows", "classes", "waiting_bytes"]

  /// Reads the key `limits` of a section.
  /// - Parameter base: what holds where it says nothing.
  fileprivate init(_ parent: Section, base: Limits? = nil) throws(ConfigurationError) {
    if let base { self = base }
    guard let section = try parent.section("limits", keys: Self.keys) else { return }
    let bytes = RequestHeader.byteCount...1 << 40
    if let value = try section.integer("batch_bytes", in: bytes) { requests.maximumRequestByteCount = value }
    if let value = try section.integer("result_bytes", in: bytes) { requests.maximumResultByteCount = value }
    if let value = try section.integer("rows", in: 1...Int(UInt32.max)) { requests.maximumRowCount = value }
    if let value = try section.integer("classes", in: 1...Int(Int32.max)) { requests.maximumClassCount = value }
    if let value = try section.integer("waiting_bytes", in: bytes) { waitingByteCount = value }
  }
}

extension LaneConfiguration {
  fileprivate init(_ node: YAMLNode, file: String, limits: Limits) throws(ConfigurationError) {
    let section = try Section(
      node, file: file, name: "a lane", keys: ["name", "kind", "requests", "results", "endpoint", "limits"])
    let name = try section.text("name")
    switch try section.choice("kind", of: ["pipeline", "router"]) {
    case "pipeline":
      try section.forbid("endpoint", because: "a pipeline lane has `requests` and `results`")
      self.init(
        name: name,
        sockets: .pipeline(requests: try section.endpoint("requests"), results: try section.endpoint("results")))
    case "router":
      for key in ["requests", "results"] { try section.forbid(key, because: "a router lane has one `endpoint`") }
      self.init(name: name, sockets: .router(endpoint: try section.endpoint("endpoint")))
    default:
      throw section.error("kind", "missing: expected pipeline or router")
    }
    let own = try Limits(section, base: limits)
    self.limits = own.requests
    if let waiting = own.waitingByteCount { maximumWaitingByteCount = waiting }
  }
}

/// A mapping of the file whose keys are known.
private struct Section {
  private let file: String
  private let mapping: YAMLMapping
  private let line: Int?

  init(_ node: YAMLNode, file: String, name: String, keys: [String]) throws(ConfigurationError) {
    self.file = file
    line = node.line
    guard let mapping = node.mapping else {
      throw ConfigurationError(file: file, line: line, problem: "\(name): expected keys and values")
    }
    self.mapping = mapping
    for entry in mapping.entries where !keys.contains(entry.key) {
      throw ConfigurationError(
        file: file, line: entry.line, problem: "\(entry.key): not known; \(name) has \(keys.joined(separator: ", "))")
    }
  }

  func error(_ key: String, _ problem: String) -> ConfigurationError {
    ConfigurationError(file: file, line: mapping[key]?.line ?? line, problem: "\(key): \(problem)")
  }

  func text(_ key: String) throws(ConfigurationError) -> String {
    guard let text = mapping[key]?.string, !text.isEmpty else { throw error(key, "missing: expected a text") }
    return text
  }

  func endpoint(_ key: String) throws(ConfigurationError) -> String {
    guard let node = mapping[key] else {
      throw error(key, "missing: expected ipc://PATH or tcp://ADDRESS:PORT")
    }
    let text = node.string ?? ""
    if let problem = endpointProblem(text) { throw error(key, "\(text): \(problem)") }
    return text
  }

  func forbid(_ key: String, because reason: String) throws(ConfigurationError) {
    if mapping[key] != nil { throw error(key, "does not belong here: \(reason)") }
  }

  func choice(_ key: String, of values: [String]) throws(ConfigurationError) -> String? {
    guard let node = mapping[key] else { return nil }
    guard let text = node.string, values.contains(text) else {
      throw error(key, "expected \(values.joined(separator: ", ")), received \(node.string ?? "something else")")
    }
    return text
  }

  /// The name of a kernel that this machine can run; nil for `auto`.
  func kernel(_ key: String) throws(ConfigurationError) -> String? {
    guard let node = mapping[key], node.string != "auto" else { return nil }
    do throws(KernelError) {
      return try Kernel.named(node.string ?? "").name
    } catch {
      throw ConfigurationError(file: file, line: node.line, problem: error.description)
    }
  }

  func number(_ key: String, in range: ClosedRange<Double>) throws(ConfigurationError) -> Double? {
    guard let node = mapping[key] else { return nil }
    guard let value = node.string.flatMap(Double.init), range.contains(value) else {
      throw error(
        key, "expected a number from \(range.lowerBound) to \(range.upperBound), received \(node.string ?? "a list")")
    }
    return value
  }

  /// - Parameter word: what may stand for no number at all.
  func integer(_ key: String, in range: ClosedRange<Int>, or word: String? = nil) throws(ConfigurationError) -> Int? {
    guard let node = mapping[key], node.string != word || word == nil else { return nil }
    guard let value = node.string.flatMap({ Int($0) }), range.contains(value) else {
      let alternative = word.map { ", or \($0)" } ?? ""
      throw error(
        key,
        "expected a whole number from \(range.lowerBound) to \(range.upperBound)\(alternative), "
          + "received \(node.string ?? "something else")")
    }
    return value
  }

  func list(_ key: String) throws(ConfigurationError) -> [YAMLNode] {
    guard let node = mapping[key] else { throw error(key, "missing: expected a list of lanes") }
    guard let sequence = node.sequence else { throw error(key, "expected a list of lanes") }
    return sequence
  }

  func section(_ key: String, keys: [String]) throws(ConfigurationError) -> Section? {
    guard let node = mapping[key] else { return nil }
    return try Section(node, file: file, name: key, keys: keys)
  }
}

private func contents(of file: String) throws(ConfigurationError) -> [UInt8] {
  func unreadable() -> ConfigurationError {
    ConfigurationError(file: file, line: nil, problem: "cannot be read: \(String(cString: strerror(errno)))")
  }
  guard let stream = fopen(file, "re") else { throw unreadable() }
  defer { fclose(stream) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&chunk, 1, chunk.count, stream)
    if count == 0 {
      guard ferror(stream) == 0 else { throw unreadable() }
      return bytes
    }
    bytes += chunk[..<count]
  }
}
