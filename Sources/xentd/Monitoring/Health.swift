import XentService

/// Whether the service is alive, and whether it is ready for work.
struct Health: Sendable {
  private let metrics: ServiceMetrics
  /// How long the loop may be silent. It turns once a second when it has nothing to do.
  private let patienceNanoseconds: UInt64

  /// - Parameter watchdogNanoseconds: after how long without a sign of life the process is ended; nil for never.
  init(_ metrics: ServiceMetrics, watchdogNanoseconds: UInt64?) {
    self.metrics = metrics
    patienceNanoseconds = min(max(2_500_000_000, (watchdogNanoseconds ?? .max) / 2), 10_000_000_000)
  }

  /// What says that the process is stuck; nil where it lives.
  var stall: String? {
    let last = metrics.lastTurnNanoseconds
    let silence = last == 0 ? metrics.uptimeNanoseconds : Clock.monotonicNanoseconds &- last
    // The loop may have turned between the two readings.
    guard Int64(bitPattern: silence) > Int64(patienceNanoseconds) else { return nil }
    return "the loop has not turned for \(silence / 1_000_000_000) s"
  }

  /// What is in the way of good answers; empty where nothing is.
  var problems: [String] {
    var problems: [String] = []
    switch metrics.phase {
    case .starting: problems.append("starting")
    case .draining: problems.append("draining")
    case .serving: break
    }
    if let stall { problems.append(stall) }
    if let failure = metrics.selfTest.lastFailure { problems.append("the self-test failed: \(failure)") }
    return problems
  }

  /// Whether whoever watches the process should let it go on: not where it is stuck or computes wrong.
  var isWell: Bool { stall == nil && metrics.selfTest.lastFailure == nil }
}
