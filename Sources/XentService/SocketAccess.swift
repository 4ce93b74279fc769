import Glibc
import ZeroMQ

/// Who may use the socket of an `ipc://` endpoint: what its file is set to once it is bound.
package struct SocketAccess: Equatable, Sendable {
  /// As for `chmod`; nil for what the umask makes of it.
  package var mode: UInt32?
  /// nil for the daemon's own.
  package var groupID: UInt32?

  package init() {}

  /// Whether nothing was said.
  package var isDefault: Bool { mode == nil && groupID == nil }

  /// Binds a socket so that at no time more users can connect than may.
  /// - Throws: what `bind` throws, or `EndpointError`.
  func binding(_ endpoint: String, _ bind: () throws -> Void) throws {
    // What the service manager listens at has the access that its socket unit says.
    guard !isDefault, let path = SocketPath(endpoint)?.path, InheritedSockets.ofProcess.socket(for: endpoint) == nil
    else { return try bind() }
    // For the owner alone at first. No other thread of the daemon makes files.
    let mask = umask(0o177)
    do {
      defer { umask(mask) }
      try bind()
    }
    if let groupID, chown(path, uid_t.max, groupID) != 0 {
      throw EndpointError(
        endpoint: endpoint,
        reason: "its socket cannot be given to group \(groupID): \(String(cString: strerror(errno))); "
          + "the daemon's user must be a member of it")
    }
    let mode = mode ?? (0o777 & ~UInt32(mask))
    if chmod(path, mode) != 0 {
      throw EndpointError(
        endpoint: endpoint,
        reason: "its socket's mode cannot be set to \(String(mode, radix: 8)): \(String(cString: strerror(errno)))")
    }
  }
}
