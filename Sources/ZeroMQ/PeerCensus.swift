import CZeroMQ

/// The connections of a socket, counted from what libzmq reports of them.
struct PeerCensus {
  /// The connections that are there now, by their descriptors.
  private var peers: [Int32: Peer] = [:]
  private var arrivalCount = 0
  /// Endpoints that are not listened on any more.
  private(set) var closedEndpoints: Set<String> = []
  /// Whether the socket is gone, with all that libzmq held for it.
  private(set) var isOver = false
  /// When connections came whose handshake has not been heard to end, the oldest first.
  private var shaking: [UInt64] = []
  private(set) var failures: [HandshakeFailure: Int] = [:]
  /// Connections that shook hands, and connections that ended since the first of these did, since the start.
  private(set) var metCount = 0
  private(set) var lostCount = 0

  /// The reports that are counted.
  static let events =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED
    | ZMQ_EVENT_MONITOR_STOPPED
    | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL

  /// Whether the first frame of a report says that it is the last.
  static func isEnd(_ report: UnsafeRawBufferPointer) -> Bool {
    report.count >= 2 && Int32(report.loadUnaligned(as: UInt16.self)) == ZMQ_EVENT_MONITOR_STOPPED
  }

  /// libzmq drops a peer that does not speak its protocol without a report of a failure. It is counted when it must have
  /// been dropped: after the longest handshake that `SocketOptions` allows, and a second.
  private static let longestHandshakeNanoseconds: UInt64 = 6_000_000_000

  private struct Peer {
    /// The endpoint on this side.
    let endpoint: String
    /// Counts up from connection to connection.
    let number: Int
    var isLeaving = false
  }

  var peerCount: Int { peers.count }

  /// How many peers are connected by an endpoint, those not counted that were told to leave.
  func peerCount(at endpoint: String) -> Int { staying(at: endpoint).count }

  /// The descriptors of those that came last where more than some number are connected by an endpoint. They are taken to
  /// leave.
  mutating func dismissSurplus(at endpoint: String, most: Int) -> [Int32] {
    let staying = staying(at: endpoint)
    guard staying.count > most else { return [] }
    let surplus = staying.sorted { $0.value.number < $1.value.number }.dropFirst(most).map(\.key)
    for descriptor in surplus { peers[descriptor]?.isLeaving = true }
    return surplus
  }

  private func staying(at endpoint: String) -> [Int32: Peer] {
    peers.filter { !$1.isLeaving && isPart(endpoint: $1.endpoint, of: endpoint) }
  }

  /// Whether a connection's end on this side belongs to an endpoint that was bound: any address of the machine may stand
  /// where all were.
  private func isPart(endpoint: String, of bound: String) -> Bool {
    if endpoint == bound { return true }
    guard bound.hasPrefix("tcp://0.0.0.0:") || bound.hasPrefix("tcp://[::]:"), endpoint.hasPrefix("tcp://") else {
      return false
    }
    return endpoint.split(separator: ":").last == bound.split(separator: ":").last
  }

  /// - Parameters:
  ///   - value: what comes with the event: a descriptor or a reason.
  ///   - endpoint: makes the text that comes with the event: the endpoint on this side.
  ///   - time: in nanoseconds, never going back.
  mutating func count(event: Int32, value: Int32, endpoint: () -> String = { "" }, at time: UInt64) {
    switch event {
    case ZMQ_EVENT_ACCEPTED, ZMQ_EVENT_CONNECTED:
      arrivalCount += 1
      peers[value] = Peer(endpoint: endpoint(), number: arrivalCount)
      shaking.append(time)
    case ZMQ_EVENT_DISCONNECTED:
      peers[value] = nil
      if metCount > 0 { lostCount += 1 }
    case ZMQ_EVENT_MONITOR_STOPPED: isOver = true
    case ZMQ_EVENT_CLOSED: closedEndpoints.insert(endpoint())
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      metCount += 1
      handshakeEnded()
    default:
      guard let failure = HandshakeFailure(event: event, value: value) else { return }
      failures[failure, default: 0] += 1
      handshakeEnded()
    }
  }

  // Reports of handshakes do not tell whose. That of the youngest connection, most likely: most take a millisecond.
  private mutating func handshakeEnded() { _ = shaking.popLast() }

  /// Counts the connections that must have been dropped by now.
  mutating func countDropped(at time: UInt64) {
    let dropped = shaking.prefix { time >= $0 + Self.longestHandshakeNanoseconds }.count
    guard dropped > 0 else { return }
    shaking.removeFirst(dropped)
    failures[.notZeroMQ, default: 0] += dropped
  }
}
