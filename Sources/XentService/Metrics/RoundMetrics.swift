import XentProtocol

/// When the stages of one round were, and what is counted once for the whole of it.
struct RoundMetrics {
  private let metrics: ServiceMetrics
  private let gatheringSince = Clock.monotonicNanoseconds
  /// When the round's requests were gathered and read, by both clocks.
  private(set) var startedAt: UInt64 = 0
  private(set) var startedAtWall: UInt64 = 0
  private var computedAt: UInt64 = 0
  private var batchCount = 0
  private var byteCount = 0
  private var workerCount = 0

  /// The loop begins to gather.
  init(_ metrics: ServiceMetrics) { self.metrics = metrics }

  mutating func start() {
    startedAt = Clock.monotonicNanoseconds
    startedAtWall = Clock.wallNanoseconds
  }

  /// A batch is to be computed.
  /// - Parameter sentAtNanoseconds: by the client's clock; 0 where it does not tell.
  mutating func count(rows: UInt32, sentAtNanoseconds: UInt64, requestByteCount: Int, resultByteCount: Int) {
    batchCount += 1
    byteCount += requestByteCount + resultByteCount
    metrics.batchRows.record(Int(rows))
    metrics.batchBytes.record(requestByteCount)
    guard sentAtNanoseconds != 0 else { return }
    let gatheringSinceWall = startedAtWall &- (startedAt - gatheringSince)
    // What was sent while the loop gathered has not waited; neither has what a clock ahead of this one sent.
    let waited = gatheringSinceWall > sentAtNanoseconds ? gatheringSinceWall - sentAtNanoseconds : 0
    metrics.stages.queue.record(Int(clamping: waited))
  }

  /// All that is to be computed is known.
  /// - Parameter workerCount: threads that will compute it.
  mutating func willCompute(workerCount: Int) {
    self.workerCount = workerCount
    metrics.busyWorkers.set(workerCount)
    metrics.roundBatches.set(batchCount)
    metrics.roundBytes.set(byteCount)
    if batchCount > 0 { metrics.lastBatchWallNanoseconds.set(Int(startedAtWall)) }
  }

  /// - Returns: how long it took, in nanoseconds.
  mutating func didCompute() -> UInt64 {
    computedAt = Clock.monotonicNanoseconds
    metrics.busyWorkers.set(0)
    metrics.workerBusyNanoseconds.add(Int(computedAt - startedAt) * workerCount)
    return computedAt - startedAt
  }

  /// Everything is answered.
  /// - Returns: when that was.
  func end() -> UInt64 {
    let now = Clock.monotonicNanoseconds
    metrics.roundBatches.set(0)
    metrics.roundBytes.set(0)
    guard batchCount > 0 else { return now }
    metrics.stages.decode.record(Int(startedAt - gatheringSince), times: batchCount)
    metrics.stages.compute.record(Int(computedAt - startedAt), times: batchCount)
    metrics.stages.reply.record(Int(now - computedAt), times: batchCount)
    return now
  }
}
