import Synchronization

/// What became of the configuration the last time it was read, and whether it is being changed to. Any thread may write.
package final class ReloadMetrics: Sendable {
  private let state = Mutex(Outcome())

  package struct Outcome: Sendable {
    /// How many reloads are over since the start, whatever came of them. The next is this one's own for who asks now, or,
    /// where one is under way, the one after that.
    package var attempts = 0
    /// Whether a reload is under way, which may have read the file long ago.
    package var isUnderWay = false
    /// Why the last was refused; nil where it was not, or there was none.
    package var error: String?
    /// The settings of the file that are in force only after the next start.
    package var waitingForRestart: [String] = []
    /// When the last was over, in nanoseconds since 1970; the start, where there was none.
    package var atWallNanoseconds = Clock.wallNanoseconds

    package var isSuccessful: Bool { error == nil }
  }

  package init() {}

  package var outcome: Outcome { state.withLock { $0 } }

  /// Notes that a reload begins, before it reads.
  func willReload() { state.withLock { $0.isUnderWay = true } }

  /// Notes that a reload is over.
  /// - Parameters:
  ///   - error: why it was refused, or did not succeed whole; nil where it did.
  ///   - waitingForRestart: the settings that are in force only after the next start; nil where the file was not taken.
  package func didReload(error: String?, waitingForRestart: [String]? = nil) {
    state.withLock { outcome in
      outcome.attempts += 1
      outcome.isUnderWay = false
      outcome.error = error
      if let waitingForRestart { outcome.waitingForRestart = waitingForRestart }
      outcome.atWallNanoseconds = Clock.wallNanoseconds
    }
  }

  /// Notes that what was wrong with the last reload is mended.
  func didMend() { state.withLock { $0.error = nil } }
}
