import Glibc

/// The user's wish to end a run early: a first Ctrl-C ends it with a report, a second one at once.
enum Interruption {
  // SAFETY: one flag that is only ever set, by the signal's handler.
  nonisolated(unsafe) private static var flag: sig_atomic_t = 0

  static var hasCome: Bool { flag != 0 }

  static func watch() {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in Interruption.flag = 1 }
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
    for number in [SIGINT, SIGTERM] { sigaction(number, &action, nil) }
  }

  /// Sleeps until a time of `Clock.now()`, or until something has come true.
  static func sleep(until time: UInt64, orUntil isOver: () -> Bool = { hasCome }) {
    while case let now = Clock.now(), now < time, !isOver() {
      usleep(UInt32(min((time - now) / 1000 + 1, 10_000)))
    }
  }
}
