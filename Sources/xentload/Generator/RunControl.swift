import Synchronization

/// What the threads of a run tell one another.
final class RunControl: Sendable {
  /// Nanoseconds, `Clock.now()`: batches that should leave before it are warm-up.
  let measureFrom = Atomic(UInt64.max)
  /// No more batches are sent; those in flight are awaited.
  let isStopping = Atomic(false)
  /// Generators that still run.
  let runningCount: Atomic<Int>
  /// Results that were wrong, missing, foreign or duplicated so far.
  let violationCount = Atomic(0)
  /// Whether a number of batches ends the run.
  let hasQuota: Bool
  /// Batches that may still be sent once measuring has begun.
  private let quota: Atomic<Int>

  init(generatorCount: Int, quota: Int?) {
    runningCount = Atomic(generatorCount)
    hasQuota = quota != nil
    self.quota = Atomic(quota ?? 0)
  }

  /// Takes a batch from the quota.
  /// - Returns: whether one was left.
  func takeFromQuota() -> Bool { !hasQuota || quota.wrappingSubtract(1, ordering: .relaxed).oldValue > 0 }

  func giveBackToQuota() {
    if hasQuota { quota.wrappingAdd(1, ordering: .relaxed) }
  }

  var isQuotaSpent: Bool { hasQuota && quota.load(ordering: .relaxed) <= 0 }
}
