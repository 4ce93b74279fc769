import CZeroMQ

/// The connections of a socket, counted from what libzmq reports of them.
struct PeerCensus {
  /// Of the connections that are there now.
  private var descriptors: Set<Int32> = []
  /// When connections came whose handshake has not been heard to end, the oldest first.
  private var shaking: [UInt64] = []
  private(set) var failures: [HandshakeFailure: Int] = [:]

  /// The reports that are counted.
  static let events =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL

  /// libzmq drops a peer that does not speak its protocol without a report of a failure. It is counted when it must have
  /// been dropped: after the longest handshake that `SocketOptions` allows, and a second.
  private static let longestHandshakeNanoseconds: UInt64 = 6_000_000_000

  var peerCount: Int { descriptors.count }

  /// - Parameters:
  ///   - value: what comes with the event: a descriptor or a reason.
  ///   - time: in nanoseconds, never going back.
  mutating func count(event: Int32, value: Int32, at time: UInt64) {
    switch event {
    case ZMQ_EVENT_ACCEPTED, ZMQ_EVENT_CONNECTED:
      descriptors.insert(value)
      shaking.append(time)
    case ZMQ_EVENT_DISCONNECTED: descriptors.remove(value)
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: handshakeEnded()
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
