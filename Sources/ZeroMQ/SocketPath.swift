import Glibc

/// The file that an `ipc://` endpoint names.
package struct SocketPath: Sendable {
  package let path: String

  /// nil for endpoints that name no file.
  package init?(_ endpoint: String) {
    guard endpoint.hasPrefix("ipc://"), !endpoint.hasPrefix("ipc://@") else { return nil }
    path = String(endpoint.dropFirst("ipc://".count))
  }

  /// Whether a file is there that is no socket. libzmq would delete it to bind its own.
  package var isOtherFile: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFSOCK
  }

  /// Whether somebody accepts connections there. A socket whose owner was killed stays behind, and nobody does.
  package var isAnswered: Bool {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var address = sockaddr_un()
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  /// Removes the file.
  package func remove() { unlink(path) }
}
