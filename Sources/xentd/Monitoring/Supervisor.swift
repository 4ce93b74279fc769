import Glibc
import Synchronization
import XentService

/// A thread that watches the loop from outside, and tells the service manager what it sees: that all is well, for the
/// watchdog, and a line for people.
final class Supervisor {
  private let manager: ServiceManager
  private let health: Health
  private let periodMilliseconds: Int32
  private var line: StatusLine
  private var lastLine = ""
  private var lastPing: UInt64 = 0
  private var thread = pthread_t()
  /// Closed at one end to end the thread.
  private var ends: [Int32] = [0, 0]

  /// Starts to watch, where there is a service manager.
  init?(_ manager: ServiceManager, _ metrics: ServiceMetrics, _ health: Health) {
    guard manager.isThere else { return nil }
    self.manager = manager
    self.health = health
    line = StatusLine(metrics, health)
    // A quarter of the watchdog's time: so that a sign of life that is late or lost is not the end.
    let pingMilliseconds = manager.watchdogNanoseconds.map { $0 / 4_000_000 } ?? .max
    periodMilliseconds = Int32(min(max(10, pingMilliseconds), 1000))
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let context = Unmanaged.passUnretained(self).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Supervisor>.fromOpaque(context!).takeUnretainedValue().run()
        return nil
      }, context)
  }

  /// Waits until the thread is gone: what is told the service manager next is the last word.
  func stop() {
    close(ends[1])
    pthread_join(thread, nil)
    close(ends[0])
  }

  private func run() {
    while !isStopped() {
      ping()
      let newLine = line.next()
      if newLine != lastLine { manager.notify("STATUS=\(newLine)") }
      lastLine = newLine
    }
  }

  /// Waits a period, or until the end.
  private func isStopped() -> Bool {
    var end = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
    return poll(&end, 1, periodMilliseconds) > 0
  }

  private func ping() {
    guard let interval = manager.watchdogNanoseconds else { return }
    let now = Clock.monotonicNanoseconds
    guard now - lastPing >= interval / 4, health.isWell else { return }
    lastPing = now
    manager.notify("WATCHDOG=1")
  }
}
