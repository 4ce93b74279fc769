import Logging

/// Counts and logs what is amiss with a lane's peers: too many of them, or a second consumer of results.
struct PeerLog {
  private var consumerCount = 0
  private var loggedRefusedPeers = 0
  private var lastLoggedAt: UInt64 = 0

  /// A flood of connections makes a line a second.
  private static let pauseNanoseconds: UInt64 = 1_000_000_000

  mutating func note(_ lane: any Lane, at now: UInt64, _ logger: Logger) {
    noteConsumers(lane, logger)
    lane.metrics.refusedPeers.set(lane.refusedPeerCount)
    let surplus = lane.refusedPeerCount - loggedRefusedPeers
    guard surplus > 0, now >= lastLoggedAt + Self.pauseNanoseconds else { return }
    (loggedRefusedPeers, lastLoggedAt) = (lane.refusedPeerCount, now)
    logger.warning(
      "too many peers: the last to come were disconnected; raise `peers` if they are welcome",
      metadata: [
        "lane": "\(lane.configuration.name)", "disconnected": "\(surplus)",
        "peers": "\(lane.configuration.maximumPeerCount)",
      ])
  }

  private mutating func noteConsumers(_ lane: any Lane, _ logger: Logger) {
    guard case .pipeline = lane.configuration.sockets, lane.consumerCount != consumerCount else { return }
    defer { consumerCount = lane.consumerCount }
    let added = lane.consumerCount - max(1, consumerCount)
    guard added > 0 else { return }
    lane.metrics.secondConsumers.add(added)
    logger.warning(
      "a second consumer of results: each gets only a part of them; use a router lane for many clients",
      metadata: ["lane": "\(lane.configuration.name)", "consumers": "\(lane.consumerCount)"])
  }
}
