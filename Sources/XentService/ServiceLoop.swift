import CrossEntropy
import Logging
import ZeroMQ

/// The daemon's loop: one thread that owns every socket and takes batches round after round.
///
/// A turn waits for something to happen and has it served, all lanes fairly and up to a budget of bytes.
package final class ServiceLoop {
  /// All that are open, those that are departing too.
  private(set) var lanes: [any Lane] = []
  var changes = LaneChanges()
  let source: ConfigurationSource
  let rounds: RoundServer
  private let stop: ServiceRequest
  private let reloadRequest: ServiceRequest
  private let observer: ServiceObserver
  let logger: Logger
  var drainSeconds: Double
  let gatekeeper: Gatekeeper
  private var poller = Poller()
  private var places = (stop: 0, reload: 0, gate: 0)
  let metrics: ServiceMetrics
  private let selfTest: SelfTest
  private var selfTestDueAt: UInt64 = 0
  private var lastTurnEndedAt = Clock.monotonicNanoseconds
  private var lastPublishedAt = Clock.monotonicNanoseconds
  private var isDraining = false
  private var memory: MemoryKeeper
  private var lanesAgeAt: UInt64 = 0
  private let context: Context

  /// The longest wait for something to happen, so that those who watch the loop see it turn.
  private static let longestWaitMilliseconds = 1000
  /// How soon results are tried again that no poll watches.
  private static let retryMilliseconds = 10
  private static let stopping = "the daemon is stopping"

  /// Makes the lanes and opens their endpoints.
  /// - Parameters:
  ///   - source: where a reload has the configuration from.
  ///   - metrics: tells the limit of the process's resident memory too.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  package init(
    configuration: ServiceConfiguration, source: ConfigurationSource, engine: Engine, metrics: ServiceMetrics,
    stop: ServiceRequest, reload: ServiceRequest, observer: ServiceObserver, logger: Logger
  ) throws {
    memory = MemoryKeeper(limit: metrics.memoryBoundByteCount, logger: logger)
    self.source = source
    reloadRequest = reload
    self.metrics = metrics
    selfTest = SelfTest(engine: engine, workerCount: metrics.workerCount)
    self.stop = stop
    self.observer = observer
    self.logger = logger
    drainSeconds = configuration.drainSeconds
    rounds = RoundServer(engine: engine, metrics: metrics, logger: logger)
    context = try Context()
    // Before any endpoint is bound: libzmq lets everybody in where nobody answers.
    gatekeeper = try Gatekeeper(clients: configuration.clients, context: context)
    metrics.inflightLimitBytes.set(
      MemoryBudget(configuration, workerCount: metrics.workerCount).inflightByteCount)
    for lane in configuration.lanes { try open(lane) }
  }

  /// Makes a lane and opens its endpoints.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  func open(_ configuration: LaneConfiguration) throws {
    let lane = try makeLane(configuration, context: context)
    try lane.open()
    lanes.append(lane)
    metrics.add(lane.metrics)
    logger.info(
      "lane open",
      metadata: [
        "lane": "\(configuration.name)",
        "endpoints": "\(configuration.endpoints.map(\.address).joined(separator: " "))",
      ])
  }

  /// Closes a lane with all that it has, its paths too.
  func close(_ lane: any Lane) {
    lanes.removeAll { $0 === lane }
    rounds.forget(lane)
    memory.forget(lane)
    metrics.remove(lane.metrics)
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
    if !poller.events(at: places.reload).isEmpty, reloadRequest.take() { reload() }
    try serveRound()
    try advanceChanges()
    try endTurn()
    return false
  }

  private func serveRound() throws(ZeroMQError) {
    guard try !rounds.serve(lanes, lastTurnEndedAt: lastTurnEndedAt) else { return }
    memory.rest(since: rounds.lastRoundEndedAt)
  }

  private func endTurn() throws(ZeroMQError) {
    let now = Clock.monotonicNanoseconds
    if now >= lanesAgeAt {
      for lane in lanes {
        lane.share.age()
        try lane.publishPeers()
        lane.handshakeLog.note(lane.metrics, at: now, logger)
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
    // One at a time: what is asked for meanwhile is heard afterwards.
    places.reload = poller.add(descriptor: reloadRequest.descriptor, for: changes.isReloading ? [] : .readable)
    places.gate = poller.add(gatekeeper.pollable, for: .readable)
    for lane in lanes { lane.register(in: &poller) }
    var longestWait = rounds.hasCarried ? 0 : min(longestWait, memory.safeMilliseconds)
    if !changes.isEmpty || lanes.contains(where: { $0.wantsRetry }) {
      longestWait = min(longestWait, Self.retryMilliseconds)
    }
    try poller.wait(milliseconds: longestWait)
    // The wait is the end of a turn: a request that ends it has not waited itself.
    lastTurnEndedAt = Clock.monotonicNanoseconds
    if !poller.events(at: places.gate).isEmpty { try gatekeeper.answer(logger) }
    for lane in lanes { try lane.look(at: poller) }
  }

  /// Has all lanes depart, and gives what libzmq has of their results the time that is left.
  private func drain() throws {
    let start = Clock.monotonicNanoseconds
    let deadline = start + UInt64(drainSeconds * 1e9)
    logger.info("draining", metadata: ["seconds": "\(drainSeconds)"])
    isDraining = true
    if changes.isReloading { endReload(problem: Self.stopping) }
    changes = LaneChanges()
    var departures = lanes.map { Departure(of: $0, because: Self.stopping, at: start, deadline: deadline) }
    var now = start
    repeat {
      try wait(Self.retryMilliseconds)
      try memory.keep(lanes, context: context)
      for lane in lanes { try lane.sendWaiting() }
      if reloadRequest.take() { refuseReload(Self.stopping) }
      try serveRound()
      now = Clock.monotonicNanoseconds
      for index in departures.indices { departures[index].didServe(at: now) }
      try endTurn()
    } while departures.contains { !$0.isOver(at: now) }
    for departure in departures { try departure.lane.setLinger(milliseconds: departure.millisecondsLeft(at: now)) }
    let undelivered = lanes.reduce(0) { $0 + $1.undeliveredByteCount }
    logger.info("drained", metadata: metrics.counts.metadata.merging(["undelivered_bytes": "\(undelivered)"]) { $1 })
  }
}
