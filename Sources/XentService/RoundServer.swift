import CrossEntropy
import Logging
import XentProtocol
import ZeroMQ

/// Takes requests of lanes and answers them, round after round: gathers what is there, has the engine compute it, and
/// scatters the results. While it computes, libzmq's own thread goes on receiving.
final class RoundServer {
  private let engine: Engine
  private let gatherer = Gatherer()
  private let metrics: ServiceMetrics
  private let logger: Logger
  /// When the turn ended before this round's; by the monotonic clock, as all here.
  private var lastTurnEndedAt: UInt64 = 0
  private(set) var lastRoundEndedAt: UInt64 = 0

  init(engine: Engine, metrics: ServiceMetrics, logger: Logger) {
    self.engine = engine
    self.metrics = metrics
    self.logger = logger
  }

  /// Whether the next round has a request already.
  var hasCarried: Bool { gatherer.hasCarried }

  /// Gathers what is there and answers it.
  /// - Parameter lastTurnEndedAt: since when requests may have been there that nobody looked for.
  /// - Returns: whether there was anything.
  func serve(_ lanes: [any Lane], lastTurnEndedAt: UInt64) throws(ZeroMQError) -> Bool {
    self.lastTurnEndedAt = lastTurnEndedAt
    var round = RoundMetrics(metrics)
    engine.beginRound()
    try gatherer.gather(from: lanes) { slot, lane in plan(slot, lane) }
    guard gatherer.count > 0 else { return false }
    round.start()
    for slot in gatherer.requests { schedule(slot, &round) }
    round.willCompute(workerCount: engine.roundWorkerCount)
    engine.compute()
    let computeNanoseconds = round.didCompute()
    for slot in gatherer.requests { try finish(slot, round, computeNanoseconds: computeNanoseconds) }
    lastRoundEndedAt = round.end()
    return true
  }

  /// Lets a lane go that is to be closed, with what was taken of it and is not answered.
  func forget(_ lane: any Lane) { gatherer.forget(lane) }

  /// Reads a request.
  private func plan(_ slot: BatchSlot, _ lane: any Lane) {
    slot.lastTurnEndedAt = lastTurnEndedAt
    slot.kind = engine.plan(&slot.plan, slot.request, limits: lane.limits)
    guard case .batch = slot.kind else { return slot.releaseRequest() }
    let resultByteCount = slot.plan.resultByteCount
    if case .refusing(let reason) = lane.stage {
      slot.refuse(.draining, "\(reason); send the batch again, to this or another daemon")
    } else if lane.admits(slot, resultByteCount: resultByteCount) {
      return slot.reserve(byteCount: resultByteCount)
    } else {
      slot.kind = .refusal(busyRefusal(slot, lane))
    }
    slot.releaseRequest()
  }

  private func busyRefusal(_ slot: BatchSlot, _ lane: any Lane) -> Refusal {
    let own = slot.account?.heldByteCount ?? 0
    var refusal = Refusal(
      status: .busy,
      message: "results: no room for \(slot.plan.resultByteCount) bytes more: \(own) wait for this client, of at most "
        + "\(lane.configuration.maximumWaitingByteCount), and \(lane.heldByteCount) for all, of at most "
        + "\(lane.configuration.maximumClientsWaitingByteCount); read results before you send more",
      answering: slot.plan.request.header)
    refusal.retryAfterMilliseconds = 100
    return refusal
  }

  /// Takes a batch into the round, if its deadline has not passed.
  private func schedule(_ slot: BatchSlot, _ round: inout RoundMetrics) {
    guard case .batch = slot.kind else { return }
    slot.endReservation()
    let deadline = slot.plan.request.header.deadlineMilliseconds
    if deadline != 0 {
      let waited = queueNanoseconds(slot, round)
      guard waited <= UInt64(deadline) * 1_000_000 else {
        return slot.refuse(.expired, "deadline: \(deadline) ms, waited \(waited / 1_000_000) ms")
      }
    }
    let resultByteCount = slot.plan.resultByteCount
    do throws(ZeroMQError) {
      try slot.allocateResult(byteCount: resultByteCount)
    } catch {
      return slot.refuse(.internal, "result: \(error)")
    }
    engine.schedule(&slot.plan, slot.request, result: slot.result.unsafeMutableBytes)
    round.count(
      rows: slot.plan.request.header.rows, sentAtNanoseconds: slot.plan.request.header.sentAtNanoseconds,
      requestByteCount: slot.request.byteCount, resultByteCount: resultByteCount)
  }

  /// Writes a request's result and sends it.
  private func finish(
    _ slot: BatchSlot, _ round: RoundMetrics, computeNanoseconds: UInt64
  ) throws(ZeroMQError) {
    guard let lane = slot.lane else { return }
    switch slot.kind {
    case .batch:
      let message = engine.message(for: slot.plan)
      if let message { try slot.extendResult(by: message.utf8.count) }
      let times = BatchTimes(queueNanoseconds: queueNanoseconds(slot, round), computeNanoseconds: computeNanoseconds)
      engine.finish(
        slot.plan, message: message, times: times, isDraining: lane.stage.isDraining,
        result: slot.result.unsafeMutableBytes)
    case .info(let header):
      let uptime = Double(metrics.uptimeNanoseconds) * 1e-9
      let reply = engine.reply(
        toInfo: header, lane: lane.configuration, uptimeSeconds: uptime, isDraining: lane.stage.isDraining)
      try write(reply, to: slot)
    case .refusal(let refusal):
      try write(engine.reply(to: refusal, isDraining: lane.stage.isDraining), to: slot)
      logger.debug(
        "request refused",
        metadata: [
          "lane": "\(lane.configuration.name)", "status": "\(refusal.status.name)", "reason": "\(refusal.message)",
        ])
    case nil: return
    }
    slot.releaseRequest()
    try lane.send(slot)
    slot.result.release()  // It may have had nowhere to go.
  }

  private func write(_ reply: Reply, to slot: BatchSlot) throws(ZeroMQError) {
    try slot.allocateResult(byteCount: reply.byteCount)
    reply.write(to: slot.result.unsafeMutableBytes)
  }

  /// How long a batch waited: since the client sent it, where it tells, else since the end of the turn before.
  private func queueNanoseconds(_ slot: BatchSlot, _ round: RoundMetrics) -> UInt64 {
    let sentAt = slot.plan.request.header.sentAtNanoseconds
    let (start, end) =
      sentAt != 0 ? (sentAt, round.startedAtWall) : (slot.lastTurnEndedAt, round.startedAt)
    return end > start ? end - start : 0
  }
}
