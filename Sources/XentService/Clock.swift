import Glibc

/// What time it is.
package enum Clock {
  /// Nanoseconds since some point in the past, never going back.
  package static var monotonicNanoseconds: UInt64 { nanoseconds(of: CLOCK_MONOTONIC) }

  /// Nanoseconds since 1970.
  package static var wallNanoseconds: UInt64 { nanoseconds(of: CLOCK_REALTIME) }

  private static func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
