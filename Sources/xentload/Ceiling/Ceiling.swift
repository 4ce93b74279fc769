/// What libzmq alone does with messages of some size: no daemon, nothing computed.
struct Ceiling: Sendable {
  let transport: CeilingTransport
  let requestByteCount: Int
  let replyByteCount: Int
  let window: Int
  /// Messages a second from PUSH to PULL, where they are discarded: one figure for each round.
  let oneWayRates: [Double]
  /// The same, with a reply of the size of a result to each: PUSH, PULL, PUSH, PULL.
  let echoRates: [Double]

  var oneWay: Double { Self.median(oneWayRates) }
  var echo: Double { Self.median(echoRates) }

  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  func added(_ other: Ceiling) -> Ceiling {
    Ceiling(
      transport: transport, requestByteCount: requestByteCount, replyByteCount: replyByteCount, window: window,
      oneWayRates: oneWayRates + other.oneWayRates, echoRates: echoRates + other.echoRates)
  }
}

/// What a ceiling's messages travel by: a kind of endpoint, as it is measured between two processes of this machine.
enum CeilingTransport: String, CaseIterable, Sendable {
  case ipc
  case tcp

  /// The kind of an endpoint; nil for one that cannot be measured here.
  init?(of endpoint: String) {
    guard let kind = Self.allCases.first(where: { endpoint.hasPrefix($0.rawValue + "://") }) else { return nil }
    self = kind
  }
}
