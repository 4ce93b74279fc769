import Glibc
import ZeroMQ

/// The right to bind an `ipc://` path, held until the claim is let go. libzmq would take the path from a daemon that
/// listens there already; and a path that a killed daemon left behind must not be in the way.
struct EndpointClaim: ~Copyable {
  private let descriptor: Int32

  /// - Throws: `EndpointError` where another process has the path.
  init(_ endpoint: String) throws(EndpointError) {
    // What the service manager listens at for this process is nobody else's.
    guard let path = Self.path(of: endpoint), InheritedSockets.ofProcess.socket(for: endpoint) == nil else {
      descriptor = -1
      return
    }
    let lockPath = path + ".lock"
    let descriptor = open(lockPath, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw EndpointError(endpoint: endpoint, reason: "cannot open \(lockPath): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, !Self.isAnswered(path) else {
      close(descriptor)
      throw EndpointError(
        endpoint: endpoint, reason: "another process listens there; stop it, or give this one another endpoint")
    }
    self.descriptor = descriptor
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// The path of an `ipc://` endpoint; nil where it has none in the file system.
  private static func path(of endpoint: String) -> String? {
    guard endpoint.hasPrefix("ipc://"), !endpoint.hasPrefix("ipc://@") else { return nil }
    return String(endpoint.dropFirst("ipc://".count))
  }

  /// Whether somebody accepts connections at a path.
  private static func isAnswered(_ path: String) -> Bool {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}

/// Why an endpoint cannot be had.
package struct EndpointError: Error, CustomStringConvertible {
  package let endpoint: String
  package let reason: String
  package var description: String { "cannot listen on \(endpoint): \(reason)" }
}
