/// Keeps what strangers can cause from filling the log: lets one line through every ten seconds, and counts the others.
struct LogThrottle {
  private static let intervalNanoseconds: UInt64 = 10_000_000_000

  private var lastAdmittedAt: UInt64?
  private var silentCount = 0

  /// - Parameter time: in nanoseconds, never going back.
  /// - Returns: how many lines were kept back since the last that was let through; nil where this one is kept back too.
  mutating func admit(at time: UInt64) -> Int? {
    if let last = lastAdmittedAt, time < last + Self.intervalNanoseconds {
      silentCount += 1
      return nil
    }
    lastAdmittedAt = time
    defer { silentCount = 0 }
    return silentCount
  }
}
