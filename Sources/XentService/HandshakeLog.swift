import Logging
import ZeroMQ

/// Logs the connections to a lane that came to nothing: of each reason a line now and then.
struct HandshakeLog {
  private var entries = HandshakeFailure.allCases.map(Entry.init)

  private struct Entry {
    let reason: HandshakeFailure
    /// What the count was when it was last looked at.
    var count = 0
    /// Those that no line has told of.
    var untold = 0
    var throttle = LogThrottle()

    init(_ reason: HandshakeFailure) { self.reason = reason }
  }

  mutating func note(_ lane: LaneMetrics, at now: UInt64, _ logger: Logger) {
    for index in entries.indices {
      let count = lane.handshakeFailures(entries[index].reason)
      // Fewer than before: the lane has new sockets.
      entries[index].untold += count < entries[index].count ? count : count - entries[index].count
      entries[index].count = count
      guard entries[index].untold > 0, entries[index].throttle.admit(at: now) != nil else { continue }
      logger.warning(
        "connections came to nothing",
        metadata: [
          "lane": "\(lane.configuration.name)", "reason": "\(entries[index].reason.rawValue)",
          "count": "\(entries[index].untold)",
        ])
      entries[index].untold = 0
    }
  }
}
