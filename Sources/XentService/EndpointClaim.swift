import Glibc
import ZeroMQ

/// The right to bind an `ipc://` path, held until the claim is let go. libzmq would take the path from a daemon that
/// listens there already; and a path that a killed daemon left behind must not be in the way. With the claim goes the
/// socket's file, so that clients see that nobody is there; libzmq leaves it.
package struct EndpointClaim: ~Copyable {
  private let descriptor: Int32
  private let path: SocketPath?

  /// - Throws: `EndpointError` where another process has the path.
  package init(_ endpoint: String) throws(EndpointError) {
    // What the service manager listens at for this process is nobody else's.
    guard let path = SocketPath(endpoint), InheritedSockets.ofProcess.socket(for: endpoint) == nil else {
      (self.path, descriptor) = (nil, -1)
      return
    }
    guard !path.isOtherFile else {
      throw EndpointError(
        endpoint: endpoint, reason: "a file that is no socket is there; remove it, or choose another path")
    }
    let lockPath = path.path + ".lock"
    let descriptor = open(lockPath, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw EndpointError(endpoint: endpoint, reason: "cannot open \(lockPath): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, !path.isAnswered else {
      close(descriptor)
      throw EndpointError(
        endpoint: endpoint, reason: "another process listens there; stop it, or give this one another endpoint")
    }
    (self.path, self.descriptor) = (path, descriptor)
  }

  deinit {
    guard descriptor >= 0 else { return }
    path?.remove()
    close(descriptor)
  }
}

/// Why an endpoint cannot be had.
package struct EndpointError: Error, CustomStringConvertible {
  package let endpoint: String
  package let reason: String
  package var description: String { "cannot listen on \(endpoint): \(reason)" }
}
