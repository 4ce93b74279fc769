import Synchronization

/// What a service has done since its start, and how it is. The loop writes without locks on the way of a batch; any
/// thread reads.
///
/// A reader sees each number whole, but not all of the same moment.
package final class ServiceMetrics: Sendable {
  package let workerCount: Int
  package let startedAtNanoseconds = Clock.monotonicNanoseconds
  package let stages = StageMetrics()
  package let batchRows = Histogram.doubling(from: 1)
  package let batchBytes = Histogram.doubling(from: 64)
  /// Batches in the round that is under way, and the bytes of their requests and results.
  package let roundBatches = Counter()
  package let roundBytes = Counter()
  /// The most bytes of requests and results that xentd itself holds.
  package let inflightLimitBytes = Counter()
  /// What the process is meant to stay under.
  package let memoryBoundByteCount: Int
  /// Time that workers computed, added up.
  package let workerBusyNanoseconds = Counter()
  /// Threads that compute now.
  package let busyWorkers = Counter()
  package let lastBatchWallNanoseconds = Counter()
  package let selfTest: SelfTestMetrics
  package let reload = ReloadMetrics()
  private let lastTurn = Atomic<UInt64>(0)
  private let phaseNumber = Atomic<UInt8>(Phase.starting.rawValue)
  let laneList = Mutex(LaneList())

  package init(workerCount: Int, memoryBoundByteCount: Int, selfTestSeconds: Double) {
    self.workerCount = workerCount
    self.memoryBoundByteCount = memoryBoundByteCount
    selfTest = SelfTestMetrics(periodSeconds: selfTestSeconds)
  }

  package enum Phase: UInt8, Sendable { case starting, serving, draining }

  package var phase: Phase { Phase(rawValue: phaseNumber.load(ordering: .relaxed)) ?? .starting }

  func enter(_ phase: Phase) { phaseNumber.store(phase.rawValue, ordering: .relaxed) }

  /// When the loop last ended a turn, by the monotonic clock; 0 before the first.
  package var lastTurnNanoseconds: UInt64 { lastTurn.load(ordering: .relaxed) }

  func didTurn(at nanoseconds: UInt64) { lastTurn.store(nanoseconds, ordering: .relaxed) }

  package var uptimeNanoseconds: UInt64 { Clock.monotonicNanoseconds - startedAtNanoseconds }
}

/// How long batches were in each stage of their way. A round's stages are every batch's in it: that is how long it
/// waited for them.
package final class StageMetrics: Sendable {
  /// From when the client sent it, where it told, to when the loop began to gather.
  package let queue = Histogram.ofTimes()
  /// Gathering and reading the round's requests.
  package let decode = Histogram.ofTimes()
  package let compute = Histogram.ofTimes()
  /// Writing the round's results and handing them to libzmq.
  package let reply = Histogram.ofTimes()

  package var all: [(name: String, histogram: Histogram)] {
    [("queue", queue), ("decode", decode), ("compute", compute), ("reply", reply)]
  }
}
