import CLinux
import Glibc

/// Wakes a poll at a moment: libzmq's own timeouts are whole milliseconds.
struct PreciseTimer: ~Copyable {
  let descriptor: Int32

  init() {
    descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
    precondition(descriptor >= 0, "no timer: \(String(cString: strerror(errno)))")
  }

  deinit { close(descriptor) }

  /// Makes the descriptor readable at a time of `Clock.now()`, and not before.
  func set(_ time: UInt64) {
    var value = itimerspec()
    value.it_value.tv_sec = Int(time / 1_000_000_000)
    value.it_value.tv_nsec = Int(time % 1_000_000_000)
    timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &value, nil)
  }
}
