import CrossEntropy
import Logging
import XentProtocol
import ZeroMQ

/// The daemon's loop: one thread that owns every socket and takes batches round after round.
///
/// A turn waits for something to happen, gathers what is queued on all lanes, fairly and up to a budget of bytes, has the
/// engine compute it, and scatters the results. While it computes, libzmq's own thread goes on receiving.
package final class ServiceLoop {
  private var lanes: [any Lane] = []
  private let engine: Engine
  private let gatherer: Gatherer
  private let stop: ServiceRequest
  private let observer: ServiceObserver
  private let logger: Logger
  private let drainSeconds: Double
  private let gatekeeper: Gatekeeper
  private var poller = Poller()
  private var places = (stop: 0, gate: 0)
  private let metrics: ServiceMetrics
  private let selfTest: SelfTest
  private var selfTestDueAt: UInt64 = 0
  private var lastTurnEndedAt = Clock.monotonicNanoseconds
  private var lastRoundEndedAt: UInt64 = 0
  private var lastPublishedAt = Clock.monotonicNanoseconds
  private var isDraining = false
  private var claims: [Claim] = []
  private var memory: MemoryKeeper
  private var lanesAgeAt: UInt64 = 0
  private let context: Context

  /// The longest wait for something to happen, so that those who watch the loop see it turn.
  private static let longestWaitMilliseconds = 1000
  /// Turns of the drain, each of `retryMilliseconds`, in which nothing comes before it is over: what clients sent before
  /// they could know has then been read.
  private static let quietTurns = 10
  /// How soon results are tried again that no poll watches.
  private static let retryMilliseconds = 10

  /// Makes the lanes and opens their endpoints.
  /// - Parameter memoryByteLimit: of the process's resident memory.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  package init(
    configuration: ServiceConfiguration, memoryByteLimit: Int, engine: Engine, metrics: ServiceMetrics,
    stop: ServiceRequest,
    observer: ServiceObserver, logger: Logger
  ) throws {
    memory = MemoryKeeper(limit: memoryByteLimit, logger: logger)
    self.engine = engine
    self.metrics = metrics
    selfTest = SelfTest(engine: engine, workerCount: metrics.workerCount)
    self.stop = stop
    self.observer = observer
    self.logger = logger
    drainSeconds = configuration.drainSeconds
    gatherer = Gatherer()
    context = try Context()
    // Before any endpoint is bound: libzmq lets everybody in where nobody answers.
    gatekeeper = try Gatekeeper(clients: configuration.clients, context: context)
    for lane in configuration.lanes {
      for endpoint in lane.endpoints {
        if let problem = endpoint.problem ?? endpoint.securityProblem {
          throw EndpointError(endpoint: endpoint.address, reason: problem)
        }
        if endpoint.role == .bind { claims.append(Claim(try EndpointClaim(endpoint.address))) }
      }
      lanes.append(try makeLane(lane, context: context))
    }
    metrics.inflightLimitBytes.set(
      MemoryBudget(configuration, workerCount: metrics.workerCount).inflightByteCount)
    for lane in lanes {
      try lane.open()
      metrics.add(lane.metrics)
      logger.info(
        "lane open",
        metadata: [
          "lane": "\(lane.configuration.name)",
          "endpoints": "\(lane.configuration.endpoints.map(\.address).joined(separator: " "))",
        ])
    }
  }

  /// The context ends when its sockets are gone.
  deinit { lanes.removeAll() }

  /// Serves until a stop is asked for, then drains.
  /// - Throws: `SelfTestError` where the machine computes wrong at the start; `ZeroMQError`.
  package func run() throws {
    if metrics.selfTest.isOn, let failure = selfTest.run() { throw SelfTestError(failure: failure) }
    try endTurn()
    metrics.enter(.serving)
    observer.didStart()
    while try !turn() {}
    metrics.enter(.draining)
    observer.willStop()
    try drain()
  }

  /// Waits, gathers, computes, scatters.
  /// - Returns: whether a stop was asked for.
  private func turn() throws -> Bool {
    try wait(Self.longestWaitMilliseconds)
    try memory.keep(lanes, context: context)
    for lane in lanes { try lane.sendWaiting() }
    if !poller.events(at: places.stop).isEmpty { return true }
    try serveRound()
    try endTurn()
    return false
  }

  private func endTurn() throws(ZeroMQError) {
    let now = Clock.monotonicNanoseconds
    if now >= lanesAgeAt {
      for lane in lanes {
        lane.share.age()
        try lane.publishPeers()
      }
      lanesAgeAt = now + 1_000_000_000
    }
    for lane in lanes { lane.peerLog.note(lane, at: now, logger) }
    for lane in lanes { lane.publish(turnNanoseconds: Int(now - lastPublishedAt)) }
    (lastTurnEndedAt, lastPublishedAt) = (now, now)
    if metrics.selfTest.isOn, now >= selfTestDueAt { testSelf() }
    metrics.didTurn(at: lastTurnEndedAt)
  }

  /// Has the engine compute what is known, and says so when that begins or ceases to fail.
  private func testSelf() {
    let lastFailure = metrics.selfTest.lastFailure
    if let failure = selfTest.run() {
      metrics.selfTest.fail(failure)
      if lastFailure == nil { logger.critical("self-test failed", metadata: ["reason": "\(failure)"]) }
    } else {
      metrics.selfTest.succeed()
      if lastFailure != nil { logger.notice("self-test passes again") }
    }
    lastTurnEndedAt = Clock.monotonicNanoseconds
    selfTestDueAt = lastTurnEndedAt + metrics.selfTest.periodNanoseconds
  }

  private func wait(_ longestWait: Int) throws(ZeroMQError) {
    poller.removeAll()
    // During the drain the request to stop has been heard: its descriptor stays readable.
    places.stop = poller.add(descriptor: stop.descriptor, for: isDraining ? [] : .readable)
    places.gate = poller.add(gatekeeper.pollable, for: .readable)
    for lane in lanes { lane.register(in: &poller) }
    var longestWait = gatherer.hasCarried ? 0 : min(longestWait, memory.safeMilliseconds)
    if lanes.contains(where: { $0.wantsRetry }) { longestWait = min(longestWait, Self.retryMilliseconds) }
    try poller.wait(milliseconds: longestWait)
    // The wait is the end of a turn: a request that ends it has not waited itself.
    lastTurnEndedAt = Clock.monotonicNanoseconds
    if !poller.events(at: places.gate).isEmpty { try gatekeeper.answer(logger) }
    for lane in lanes { try lane.look(at: poller) }
  }

  /// Gathers what is there and answers it.
  private func serveRound() throws(ZeroMQError) {
    var round = RoundMetrics(metrics)
    engine.beginRound()
    try gatherer.gather(from: lanes) { slot, lane in plan(slot, lane) }
    guard !gatherer.isEmpty else { return memory.rest(since: lastRoundEndedAt) }
    round.start()
    for (slot, _) in gatherer.requests { schedule(slot, &round) }
    round.willCompute(workerCount: engine.roundWorkerCount)
    engine.compute()
    let computeNanoseconds = round.didCompute()
    for (slot, lane) in gatherer.requests {
      try finish(slot, lane, round, computeNanoseconds: computeNanoseconds)
    }
    lastRoundEndedAt = round.end()
  }

  /// Reads a request.
  private func plan(_ slot: BatchSlot, _ lane: any Lane) {
    let (metrics, byteCount) = (lane.metrics, slot.request.byteCount)
    metrics.requests.add(1)
    metrics.requestBytes.add(byteCount)
    slot.lastTurnEndedAt = lastTurnEndedAt
    slot.kind = engine.plan(&slot.plan, slot.request, limits: lane.limits)
    guard case .batch = slot.kind else { return slot.releaseRequest() }
    let resultByteCount = slot.plan.resultByteCount
    if isDraining {
      slot.refuse(.draining, "the daemon is stopping; send the batch again, to this or another daemon")
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
    _ slot: BatchSlot, _ lane: any Lane, _ round: RoundMetrics, computeNanoseconds: UInt64
  ) throws(ZeroMQError) {
    switch slot.kind {
    case .batch:
      let message = engine.message(for: slot.plan)
      if let message { try slot.extendResult(by: message.utf8.count) }
      let times = BatchTimes(queueNanoseconds: queueNanoseconds(slot, round), computeNanoseconds: computeNanoseconds)
      engine.finish(
        slot.plan, message: message, times: times, isDraining: isDraining, result: slot.result.unsafeMutableBytes)
      let metrics = lane.metrics
      metrics.batches.add(1)
      metrics.rows.add(Int(slot.plan.request.header.rows))
    case .info(let header):
      let uptime = Double(metrics.uptimeNanoseconds) * 1e-9
      let reply = engine.reply(
        toInfo: header, lane: lane.configuration, uptimeSeconds: uptime, isDraining: isDraining)
      try write(reply, to: slot)
    case .refusal(let refusal):
      try write(engine.reply(to: refusal, isDraining: isDraining), to: slot)
      lane.metrics.refuse(refusal.status)
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

  /// Computes what is there, answers what still comes with DRAINING, and waits until results have left, nobody is there
  /// to take them, or the time is up. The endpoints stay bound meanwhile: libzmq drops a socket's connections, and with
  /// them the way back for results, when it is unbound.
  private func drain() throws {
    let deadline = Clock.monotonicNanoseconds + UInt64(drainSeconds * 1e9)
    logger.info("draining", metadata: ["seconds": "\(drainSeconds)"])
    try wait(0)
    try serveRound()
    isDraining = true
    var quietTurns = 0
    while quietTurns < Self.quietTurns, Clock.monotonicNanoseconds < deadline {
      try wait(Self.retryMilliseconds)
      try memory.keep(lanes, context: context)
      for lane in lanes { try lane.sendWaiting() }
      try serveRound()
      quietTurns = resultsCanLeave || !gatherer.isEmpty ? 0 : quietTurns + 1
      try endTurn()
    }
    try finishDrain(until: deadline)
  }

  private var resultsCanLeave: Bool { lanes.contains { $0.heldByteCount > 0 && $0.hasConsumer } }

  private func finishDrain(until deadline: UInt64) throws(ZeroMQError) {
    let now = Clock.monotonicNanoseconds
    let left = deadline > now ? Int32((deadline - now) / 1_000_000) : 0
    for lane in lanes { try lane.setLinger(milliseconds: left) }
    let undelivered = lanes.reduce(0) { $0 + max($1.waitingByteCount, $1.heldByteCount) }
    logger.info("drained", metadata: metrics.counts.metadata.merging(["undelivered_bytes": "\(undelivered)"]) { $1 })
  }
}

private func makeLane(_ configuration: LaneConfiguration, context: borrowing Context) throws(ZeroMQError) -> any Lane {
  switch configuration.sockets {
  case .pipeline(let requests, let results):
    try PipelineLane(configuration, requests: requests, results: results, context: context)
  case .router(let endpoints):
    try RouterLane(configuration, endpoints: endpoints, context: context)
  }
}

/// Holds a claim where a noncopyable value cannot stand.
private final class Claim {
  private let claim: EndpointClaim
  init(_ claim: consuming EndpointClaim) { self.claim = claim }
}
