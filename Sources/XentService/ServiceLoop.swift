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
  private let stop: StopRequest
  private let observer: ServiceObserver
  private let logger: Logger
  private let drainSeconds: Double
  private var poller = Poller()
  private var stopPlace = 0
  private let startedAt = Clock.monotonicNanoseconds
  private var lastTurnEndedAt = Clock.monotonicNanoseconds
  private var isDraining = false
  private var claims: [Claim] = []
  private let context: Context
  /// What was done since the start.
  package private(set) var counts = ServiceCounts()

  /// The longest wait for something to happen, so that the watchdog hears of the loop.
  private static let longestWaitMilliseconds = 1000
  /// Turns of the drain, each of `retryMilliseconds`, in which nothing comes before it is over: what clients sent before
  /// they could know has then been read.
  private static let quietTurns = 10
  /// How soon results are tried again that no poll watches.
  private static let retryMilliseconds = 10

  /// Makes the lanes and binds their endpoints.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  package init(
    configuration: ServiceConfiguration, engine: Engine, stop: StopRequest, observer: ServiceObserver, logger: Logger
  ) throws {
    self.engine = engine
    self.stop = stop
    self.observer = observer
    self.logger = logger
    drainSeconds = configuration.drainSeconds
    gatherer = Gatherer()
    context = try Context()
    for lane in configuration.lanes {
      for endpoint in lane.endpoints { claims.append(Claim(try EndpointClaim(endpoint))) }
      lanes.append(try makeLane(lane, context: context))
    }
    for lane in lanes {
      try lane.bind()
      logger.info(
        "lane bound",
        metadata: [
          "lane": "\(lane.configuration.name)",
          "endpoints": "\(lane.configuration.endpoints.joined(separator: " "))",
        ])
    }
  }

  /// The context ends when its sockets are gone.
  deinit { lanes.removeAll() }

  /// Serves until a stop is asked for, then drains.
  package func run() throws(ZeroMQError) {
    observer.didStart()
    while try !turn() {}
    observer.willStop()
    try drain()
  }

  /// Waits, gathers, computes, scatters.
  /// - Returns: whether a stop was asked for.
  private func turn() throws(ZeroMQError) -> Bool {
    try wait(Self.longestWaitMilliseconds)
    for lane in lanes { try lane.sendWaiting() }
    if !poller.events(at: stopPlace).isEmpty { return true }
    try serveRound()
    endTurn()
    return false
  }

  private func endTurn() {
    lastTurnEndedAt = Clock.monotonicNanoseconds
    observer.didTurn()
  }

  private func wait(_ longestWait: Int) throws(ZeroMQError) {
    poller.removeAll()
    // During the drain the request to stop has been heard: its descriptor stays readable.
    stopPlace = poller.add(descriptor: stop.descriptor, for: isDraining ? [] : .readable)
    for lane in lanes { lane.register(in: &poller) }
    let wantsRetry = lanes.contains { $0.wantsRetry }
    try poller.wait(milliseconds: wantsRetry ? min(longestWait, Self.retryMilliseconds) : longestWait)
    // The wait is the end of a turn: a request that ends it has not waited itself.
    lastTurnEndedAt = Clock.monotonicNanoseconds
    for lane in lanes { try lane.look(at: poller) }
  }

  /// Gathers what is there and answers it.
  private func serveRound() throws(ZeroMQError) {
    engine.beginRound()
    try gatherer.gather(from: lanes) { slot, lane in plan(slot, lane) }
    guard !gatherer.isEmpty else { return }
    let startedAt = Clock.monotonicNanoseconds
    let startedAtWall = Clock.wallNanoseconds
    for (slot, lane) in gatherer.requests {
      try schedule(slot, lane, startedAt: startedAt, startedAtWall: startedAtWall)
    }
    engine.compute()
    let computeNanoseconds = Clock.monotonicNanoseconds - startedAt
    for (slot, lane) in gatherer.requests {
      try finish(slot, lane, computeNanoseconds: computeNanoseconds, queueEnd: (startedAt, startedAtWall))
    }
  }

  /// Reads a request.
  private func plan(_ slot: BatchSlot, _ lane: any Lane) {
    counts.requests += 1
    counts.requestBytes += slot.request.byteCount
    slot.plan = engine.plan(slot.request, limits: lane.configuration.limits)
    guard case .batch(let plan) = slot.plan else { return }
    if isDraining {
      slot.plan = .refusal(
        Refusal(
          status: .draining, message: "the daemon is stopping; send the batch again, to this or another daemon",
          answering: plan.request.header))
    } else if lane.isBusy(slot) {
      slot.plan = .refusal(busyRefusal(plan.request.header, lane))
    }
  }

  private func busyRefusal(_ header: RequestHeader, _ lane: any Lane) -> Refusal {
    var refusal = Refusal(
      status: .busy,
      message: "results: \(lane.configuration.maximumWaitingByteCount) bytes of results wait for this client; "
        + "read them before you send more",
      answering: header)
    refusal.retryAfterMilliseconds = 100
    return refusal
  }

  /// Takes a batch into the round, if its deadline has not passed.
  private func schedule(
    _ slot: BatchSlot, _ lane: any Lane, startedAt: UInt64, startedAtWall: UInt64
  ) throws(ZeroMQError) {
    guard case .batch(var plan) = slot.plan else { return }
    let header = plan.request.header
    let waited = queueNanoseconds(header, (startedAt, startedAtWall))
    if header.deadlineMilliseconds != 0, waited > UInt64(header.deadlineMilliseconds) * 1_000_000 {
      slot.plan = .refusal(
        Refusal(
          status: .expired,
          message: "deadline: \(header.deadlineMilliseconds) ms, waited \(waited / 1_000_000) ms",
          answering: header))
      return
    }
    do throws(ZeroMQError) {
      try slot.result.allocate(byteCount: plan.resultByteCount)
    } catch {
      slot.plan = .refusal(Refusal(status: .internal, message: "result: \(error)", answering: header))
      return
    }
    engine.schedule(&plan, slot.request, result: slot.result.unsafeMutableBytes)
    slot.plan = .batch(plan)
  }

  /// Writes a request's result and sends it.
  private func finish(
    _ slot: BatchSlot, _ lane: any Lane, computeNanoseconds: UInt64, queueEnd: (UInt64, UInt64)
  ) throws(ZeroMQError) {
    switch slot.plan {
    case .batch(let plan):
      let message = engine.message(for: plan)
      if let message { try makeRoom(for: message, in: slot) }
      let times = BatchTimes(
        queueNanoseconds: queueNanoseconds(plan.request.header, queueEnd), computeNanoseconds: computeNanoseconds)
      engine.finish(
        plan, message: message, times: times, isDraining: isDraining, result: slot.result.unsafeMutableBytes)
      counts.batches += 1
      counts.rows += Int(plan.request.header.rows)
    case .info(let header):
      let uptime = Double(Clock.monotonicNanoseconds - startedAt) * 1e-9
      let reply = engine.reply(
        toInfo: header, lane: lane.configuration, uptimeSeconds: uptime, isDraining: isDraining)
      try write(reply, to: slot)
    case .refusal(let refusal):
      try write(engine.reply(to: refusal, isDraining: isDraining), to: slot)
      counts.refusals += 1
      logger.debug(
        "request refused",
        metadata: [
          "lane": "\(lane.configuration.name)", "status": "\(refusal.status.name)", "reason": "\(refusal.message)",
        ])
    case nil: return
    }
    slot.releaseRequest()
    counts.resultBytes += slot.result.byteCount
    try lane.send(slot)
  }

  private func write(_ reply: Reply, to slot: BatchSlot) throws(ZeroMQError) {
    try slot.result.allocate(byteCount: reply.byteCount)
    reply.write(to: slot.result.unsafeMutableBytes)
  }

  /// Moves a result to memory that has room for a message behind it.
  private func makeRoom(for message: String, in slot: BatchSlot) throws(ZeroMQError) {
    var larger = try Message(byteCount: slot.result.byteCount + message.utf8.count)
    larger.unsafeMutableBytes.copyBytes(from: slot.result.unsafeBytes)
    slot.result.take(from: &larger)
  }

  /// How long a batch waited: since the client sent it, where it tells, else since the end of the turn before.
  private func queueNanoseconds(_ header: RequestHeader, _ end: (monotonic: UInt64, wall: UInt64)) -> UInt64 {
    let (start, end) =
      header.sentAtNanoseconds != 0 ? (header.sentAtNanoseconds, end.wall) : (lastTurnEndedAt, end.monotonic)
    return end > start ? end - start : 0
  }

  /// Computes what is there, answers what still comes with DRAINING, and waits until results have left, nobody is there
  /// to take them, or the time is up. The endpoints stay bound meanwhile: libzmq drops a socket's connections, and with
  /// them the way back for results, when it is unbound.
  private func drain() throws(ZeroMQError) {
    let deadline = Clock.monotonicNanoseconds + UInt64(drainSeconds * 1e9)
    logger.info("draining", metadata: ["seconds": "\(drainSeconds)"])
    try wait(0)
    try serveRound()
    isDraining = true
    var quietTurns = 0
    while quietTurns < Self.quietTurns, Clock.monotonicNanoseconds < deadline {
      try wait(Self.retryMilliseconds)
      for lane in lanes { try lane.sendWaiting() }
      try serveRound()
      quietTurns = resultsCanLeave || !gatherer.isEmpty ? 0 : quietTurns + 1
      endTurn()
    }
    try finishDrain(until: deadline)
  }

  private var resultsCanLeave: Bool { lanes.contains { $0.waitingByteCount > 0 && $0.hasConsumer } }

  private func finishDrain(until deadline: UInt64) throws(ZeroMQError) {
    let now = Clock.monotonicNanoseconds
    let left = deadline > now ? Int32((deadline - now) / 1_000_000) : 0
    for lane in lanes { try lane.setLinger(milliseconds: left) }
    counts.droppedResults = lanes.reduce(0) { $0 + $1.droppedCount }
    let undelivered = lanes.reduce(0) { $0 + $1.waitingByteCount }
    logger.info("drained", metadata: counts.metadata.merging(["undelivered_bytes": "\(undelivered)"]) { $1 })
  }
}

private func makeLane(_ configuration: LaneConfiguration, context: borrowing Context) throws(ZeroMQError) -> any Lane {
  switch configuration.sockets {
  case .pipeline(let requests, let results):
    try PipelineLane(configuration, requests: requests, results: results, context: context)
  case .router(let endpoint):
    try RouterLane(configuration, endpoint: endpoint, context: context)
  }
}

/// Holds a claim where a noncopyable value cannot stand.
private final class Claim {
  private let claim: EndpointClaim
  init(_ claim: consuming EndpointClaim) { self.claim = claim }
}
