import Glibc

/// Asks a service to stop, from any thread or from a signal handler.
package final class StopRequest: Sendable {
  /// Readable once a stop was asked for.
  package let descriptor: Int32
  /// A byte written here asks for a stop: what a signal handler may do.
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
}
