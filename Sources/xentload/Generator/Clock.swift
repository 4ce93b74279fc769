import Glibc

/// The system's clocks, in nanoseconds.
enum Clock {
  /// Since some point in the past; never set back.
  static func now() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

  /// Since 1970.
  static func wall() -> UInt64 { nanoseconds(CLOCK_REALTIME) }

  /// What the calling thread has computed.
  static func threadCPU() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

  /// What the whole process has computed.
  static func processCPU() -> UInt64 { nanoseconds(CLOCK_PROCESS_CPUTIME_ID) }

  private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

extension UInt64 {
  /// Seconds as nanoseconds.
  init(seconds: Double) { self.init(Swift.max(0, seconds) * 1e9) }
}

extension Double {
  /// Nanoseconds as seconds.
  init(nanoseconds: UInt64) { self = Double(nanoseconds) / 1e9 }
}
