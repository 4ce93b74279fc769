import Synchronization

/// What became of the self-test. The loop writes, others read.
package final class SelfTestMetrics: Sendable {
  /// How often it runs; 0 for never.
  package let periodNanoseconds: UInt64
  package let runs = Counter()
  package let failures = Counter()
  private let succeededAt = Atomic<UInt64>(0)
  private let succeededAtWall = Atomic<UInt64>(0)
  private let failure = Mutex<String?>(nil)

  init(periodSeconds: Double) { periodNanoseconds = UInt64(periodSeconds * 1e9) }

  package var isOn: Bool { periodNanoseconds > 0 }
  /// By the monotonic clock; 0 before the first.
  package var lastSuccessNanoseconds: UInt64 { succeededAt.load(ordering: .relaxed) }
  /// Since 1970; 0 before the first.
  package var lastSuccessWallNanoseconds: UInt64 { succeededAtWall.load(ordering: .relaxed) }
  /// What was wrong the last time; nil where nothing was.
  package var lastFailure: String? { failure.withLock { $0 } }

  func succeed() {
    runs.add(1)
    succeededAt.store(Clock.monotonicNanoseconds, ordering: .relaxed)
    succeededAtWall.store(Clock.wallNanoseconds, ordering: .relaxed)
    failure.withLock { $0 = nil }
  }

  func fail(_ reason: String) {
    runs.add(1)
    failures.add(1)
    failure.withLock { $0 = reason }
  }
}
