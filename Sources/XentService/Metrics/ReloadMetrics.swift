import Synchronization

/// What became of the configuration the last time it was read. Any thread may write.
package final class ReloadMetrics: Sendable {
  private let state = Mutex(Outcome())

  package struct Outcome: Sendable {
    /// How often a reload was tried since the start: one that waits for an outcome knows its own by this.
    package var attempts = 0
    /// Why the last was refused; nil where it was not, or there was none.
    package var error: String?
    /// When the last was over, in nanoseconds since 1970; the start, where there was none.
    package var atWallNanoseconds = Clock.wallNanoseconds

    package var isSuccessful: Bool { error == nil }
  }

  package init() {}

  package var outcome: Outcome { state.withLock { $0 } }

  /// Notes that a reload is over.
  /// - Parameter error: why it was refused; nil where it was not.
  package func didReload(error: String?) {
    state.withLock { outcome in
      outcome.attempts += 1
      outcome.error = error
      outcome.atWallNanoseconds = Clock.wallNanoseconds
    }
  }
}
