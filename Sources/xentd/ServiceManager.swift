import Glibc
import XentService

/// Tells systemd how the daemon is, where systemd has asked: a datagram to the socket in `$NOTIFY_SOCKET`.
final class ServiceManager: ServiceObserver, Sendable {
  private let socketPath: String?
  /// After how long without a sign of life the watchdog bites; nil where there is none.
  let watchdogNanoseconds: UInt64?

  init() {
    socketPath = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
    watchdogNanoseconds = Self.watchdogNanoseconds
  }

  /// Whether anybody listens.
  var isThere: Bool { socketPath != nil }

  private static var watchdogNanoseconds: UInt64? {
    func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }
    guard let microseconds = number("WATCHDOG_USEC"), microseconds > 0 else { return nil }
    // sd_watchdog_enabled(3): another process's watchdog may stand in an inherited environment.
    if getenv("WATCHDOG_PID") != nil, number("WATCHDOG_PID") != UInt64(getpid()) { return nil }
    let (nanoseconds, overflows) = microseconds.multipliedReportingOverflow(by: 1000)
    return overflows ? .max : nanoseconds
  }

  func didStart() { notify("READY=1") }

  func willStop() { notify("STOPPING=1") }

  /// Sends one datagram. Never blocks, and may be called from any thread.
  func notify(_ state: String) {
    guard let socketPath, socketPath.utf8.count < 108 else { return }
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return }
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: socketPath.utf8)
      if socketPath.hasPrefix("@") { path[0] = 0 }  // an abstract name
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + socketPath.utf8.count)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        var state = state
        state.withUTF8 { _ = sendto(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT), address, length) }
      }
    }
  }
}
