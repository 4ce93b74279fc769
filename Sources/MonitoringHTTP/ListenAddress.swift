import NIOCore

/// Where an HTTP server listens: `127.0.0.1:9464`, `[::1]:9464`, or the path of a unix socket.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// A numeric address. Port 0 has the system choose one.
  case tcp(host: String, port: Int)
  /// An absolute path.
  case unix(path: String)

  /// - Returns: nil where the text is neither; `expectation` says what would be.
  package init?(_ text: String) {
    if text.hasPrefix("/") {
      guard text.utf8.count <= Self.longestPathByteCount else { return nil }
      self = .unix(path: text)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard (try? SocketAddress(ipAddress: String(host), port: Int(port))) != nil else { return nil }
    self = .tcp(host: String(host), port: Int(port))
  }

  package static let expectation =
    "expected ADDRESS:PORT with a numeric address, or the absolute path of a socket of at most \(longestPathByteCount) bytes"

  /// What the name of a socket can have, its terminating zero not counted.
  private static let longestPathByteCount = 107

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// Whether only this machine can reach it.
  package var isLocal: Bool {
    switch self {
    case .tcp(let host, _): host.hasPrefix("127.") || host == "::1"
    case .unix: true
    }
  }

  func socketAddress() throws -> SocketAddress {
    switch self {
    case .tcp(let host, let port): try SocketAddress(ipAddress: host, port: port)
    case .unix(let path): try SocketAddress(unixDomainSocketPath: path)
    }
  }
}
