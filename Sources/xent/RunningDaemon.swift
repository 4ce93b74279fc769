import Glibc
import XentClient

/// A daemon that is to read its configuration again.
struct RunningDaemon {
  private let source: StatusSource
  private let pid: pid_t?

  /// - Parameters:
  ///   - http: where it answers; nil for the usual places.
  ///   - pid: its process; nil for the one that answers.
  init(http: String?, pid: pid_t?) {
    source = StatusSource(http: http)
    self.pid = pid
  }

  /// How it is: of the first that answers and is meant.
  func status(seconds: Int = 5) throws(NoStatus) -> DaemonStatus {
    try source.first(seconds: seconds) { (address, body) throws(MonitoringError) in
      guard let status = try? DaemonStatus(json: body) else {
        throw MonitoringError(address: address, reason: "what it says is no daemon's, or of another version's")
      }
      guard pid == nil || status.pid == pid.map(Int.init) else {
        throw MonitoringError(address: address, reason: "process \(status.pid) answers there, not \(pid!)")
      }
      return status
    }
  }

  /// Tells a process to read its configuration again.
  static func hangUp(_ pid: pid_t) throws(ReloadError) {
    guard kill(pid, SIGHUP) == 0 else {
      let hint = errno == EPERM ? "; be root, or the user whose process it is" : ""
      throw ReloadError("process \(pid) cannot be told: \(String(cString: strerror(errno)))\(hint)")
    }
  }

  static func isGone(_ pid: pid_t) -> Bool { kill(pid, 0) != 0 && errno == ESRCH }
}

/// Why nobody knows whether a daemon has changed.
struct ReloadError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
