import Logging
import ZeroMQ

/// Keeps the process's memory within its limit: past it, lanes let go what libzmq holds for them, one after the other, until
/// it is kept.
struct MemoryKeeper: ~Copyable {
  private var watch: MemoryGuard
  private let logger: Logger
  /// Lanes that have let go since memory was last within its limit.
  private var lanesThatLetGo: [any Lane] = []

  init(limit: Int, logger: Logger) {
    watch = MemoryGuard(limit: limit)
    self.logger = logger
  }

  /// How long memory cannot pass the limit, however fast it is filled, in milliseconds.
  var safeMilliseconds: Int { watch.safeMilliseconds }

  /// To be called each turn.
  mutating func keep(_ lanes: [any Lane], context: borrowing Context) throws {
    let wantsRoom = try watch.wantsRoom(at: Clock.monotonicNanoseconds) { () throws(ZeroMQError) in
      for lane in lanes where try lane.isLettingGo() { return true }
      return false
    }
    guard wantsRoom else {
      if watch.residentByteCount <= watch.limit { lanesThatLetGo.removeAll() }
      return
    }
    let candidates = lanes.filter { lane in !lanesThatLetGo.contains { $0 === lane } }
    guard let lane = laneToBlame(among: candidates) else { return lanesThatLetGo.removeAll() }
    lanesThatLetGo.append(lane)
    lane.metrics.memoryResets.add(1)
    logger.error(
      "memory past its limit: the lane's requests that were queued are dropped, and its clients must send them again",
      metadata: [
        "lane": "\(lane.configuration.name)", "resident_bytes": "\(watch.residentByteCount)",
        "limit_bytes": "\(watch.limit)", "peers": "\(lane.clientCount)",
      ])
    try lane.reopenRequests(context: context)
  }

  /// Lets a lane go that is to be closed.
  mutating func forget(_ lane: any Lane) { lanesThatLetGo.removeAll { $0 === lane } }

  /// To be called when there is nothing to do.
  /// - Parameter start: since when there has been nothing.
  mutating func rest(since start: UInt64) { watch.rest(since: start, now: Clock.monotonicNanoseconds) }
}

/// The lane for which libzmq most likely holds what makes memory pass its limit, as far as that can be told.
///
/// One that is paused takes nothing, so all that comes for it stays. One that has a request ready is behind: the more it
/// gives, the more it is likely to have queued. If none has, what is held can only be parts of requests that are not whole,
/// and who has given little of late is the one who ends none.
private func laneToBlame(among lanes: [any Lane]) -> (any Lane)? {
  let lanes = lanes.filter { $0.clientCount > 0 }
  func most(_ lanes: [any Lane]) -> (any Lane)? { lanes.max { $0.share.recentByteCount < $1.share.recentByteCount } }
  return most(lanes.filter { !$0.isReading }) ?? most(lanes.filter(\.isReadable))
    ?? lanes.min { $0.share.recentByteCount < $1.share.recentByteCount }
}
