import Testing

@testable import XentService

@Suite("Metrics of a round")
struct RoundMetricsTests {
  @Test("a batch that was sent while the loop gathered, or by a clock ahead of this one, has not waited")
  func sentLater() {
    let metrics = ServiceMetrics(workerCount: 1, memoryBoundByteCount: 1, selfTestSeconds: 0)
    var round = RoundMetrics(metrics)
    round.start()
    for ahead: UInt64 in [0, 1_000_000_000] {
      round.count(
        rows: 1, sentAtNanoseconds: Clock.wallNanoseconds + ahead, requestByteCount: 1, resultByteCount: 1)
    }
    #expect(metrics.stages.queue.bucketCounts.first == 2)
    #expect(metrics.stages.queue.sum == 0)
  }

  @Test("a batch that was sent before has waited since")
  func sentBefore() {
    let metrics = ServiceMetrics(workerCount: 1, memoryBoundByteCount: 1, selfTestSeconds: 0)
    var round = RoundMetrics(metrics)
    round.start()
    round.count(
      rows: 1, sentAtNanoseconds: round.startedAtWall - 3_000_000_000, requestByteCount: 1, resultByteCount: 1)
    #expect((2_900_000_000...3_000_000_000).contains(metrics.stages.queue.sum))
  }
}
