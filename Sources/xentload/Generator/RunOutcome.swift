import XentClient

/// What a run came to.
struct RunOutcome {
  let plan: LoadPlan
  let workload: String
  let requestByteCount: Double
  let resultByteCount: Double
  let daemon: DaemonInfo
  /// As it went; the windows that count are the last `countedWindowCount`.
  let timeline: Timeline
  let countedWindowCount: Int
  let stability: Stability
  /// The windows that count, and the latencies of what was in flight when they ended.
  let total: Interval
  /// Batches whose results came when measuring had ended.
  let lateResultCount: Int
  let violations: Violations
  let verifiedCount: Int
  let processors: ProcessorReport
  /// What the daemon's own metrics say of the same time; or why they say nothing.
  let metrics: MetricsOutcome
  let wasInterrupted: Bool
  var ceiling: Ceiling?
}
