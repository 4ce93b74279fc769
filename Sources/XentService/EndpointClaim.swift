import Glibc
import ZeroMQ

/// The right to bind an `ipc://` path, held until the claim is let go. libzmq would take the path from a daemon that
/// listens there already; and a path that a killed daemon left behind must not be in the way. With the claim go the socket's
/// file, so that clients see that nobody is there, which libzmq leaves, and the claim's own.
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
    guard let descriptor = try Self.lock(path, endpoint: endpoint) else {
      throw EndpointError(
        endpoint: endpoint, reason: "another process listens there; stop it, or give this one another endpoint")
    }
    (self.path, self.descriptor) = (path, descriptor)
  }

  deinit {
    guard descriptor >= 0, let path else { return }
    path.remove()
    unlink(Self.lockPath(path))
    close(descriptor)
  }

  private static func lockPath(_ path: SocketPath) -> String { path.path + ".lock" }

  /// - Returns: nil where another process has the path.
  private static func lock(_ path: SocketPath, endpoint: String) throws(EndpointError) -> Int32? {
    let lockPath = lockPath(path)
    while true {
      let descriptor = open(lockPath, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else {
        throw EndpointError(endpoint: endpoint, reason: "cannot open \(lockPath): \(String(cString: strerror(errno)))")
      }
      let isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0
      // Its owner may have removed it before it was locked here: then the next to come would lock another.
      if isLocked, isSame(descriptor, lockPath), !path.isAnswered { return descriptor }
      let isStale = isLocked && !isSame(descriptor, lockPath)
      close(descriptor)
      guard isStale else { return nil }
    }
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (mine, theirs) = (stat(), stat())
    return fstat(descriptor, &mine) == 0 && stat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino
      && mine.st_dev == theirs.st_dev
  }
}

/// Why an endpoint cannot be had.
package struct EndpointError: Error, CustomStringConvertible {
  package let endpoint: String
  package let reason: String
  package var description: String { "cannot listen on \(endpoint): \(reason)" }
}
