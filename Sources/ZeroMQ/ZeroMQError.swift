import CZeroMQ

/// A call of libzmq that failed.
package struct ZeroMQError: Error, Equatable, Sendable, CustomStringConvertible {
  /// libzmq's errno, which is the system's or one of its own above 156,384,712.
  package let code: Int32
  /// What was tried: `bind to ipc:///run/x.sock`.
  package let operation: String

  /// The error that libzmq has just left for the calling thread.
  init(_ operation: String) {
    code = zmq_errno()
    self.operation = operation
  }

  /// libzmq's words for the code.
  package var words: String { String(cString: zmq_strerror(code)) }

  package var description: String { "cannot \(operation): \(words) (errno \(code))" }
}

/// The one place that retries a call that a signal interrupted.
/// - Returns: what the call returned: -1 where it failed otherwise, with the reason in `zmq_errno()`.
func uninterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result != -1 || zmq_errno() != EINTR { return result }
  }
}
