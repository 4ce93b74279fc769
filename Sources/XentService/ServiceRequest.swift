import Glibc

/// Something that a running service is asked for, from any thread or from a signal handler: to stop, or to read its
/// configuration again.
package final class ServiceRequest: Sendable {
  /// Readable from when it was asked for until it is taken.
  package let descriptor: Int32
  /// A byte written here asks for it: what a signal handler may do.
  package let wakeDescriptor: Int32

  package init() {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0, "a pipe takes two descriptors")
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)  // A signal handler must not wait.
    }
    (descriptor, wakeDescriptor) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(wakeDescriptor)
  }

  package func request() { write(wakeDescriptor, [1], 1) }

  /// - Returns: whether it was asked for since it was last taken, however often.
  package func take() -> Bool {
    var bytes: InlineArray<64, UInt8> = .init(repeating: 0)
    var wasAsked = false
    var span = bytes.mutableSpan
    while span.withUnsafeMutableBytes({ read(descriptor, $0.baseAddress, $0.count) }) > 0 { wasAsked = true }
    return wasAsked
  }
}
