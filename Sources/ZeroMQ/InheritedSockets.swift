import Glibc

/// Listening sockets that a service manager has made for this process, as sd_listen_fds(3) tells of them: descriptors from 3
/// on, as many as `LISTEN_FDS` says, their names in `LISTEN_FDNAMES`, all meant for the process `LISTEN_PID`.
///
/// A socket that is bound to an endpoint which one of them has listens there with a duplicate of it, so that it can be
/// closed and bound again while the service manager's own stays.
package struct InheritedSockets: Sendable {
  package struct Socket: Sendable {
    package let descriptor: Int32
    /// What the service manager calls it.
    package let name: String
    /// The endpoints that mean its address.
    package let endpoints: [String]
  }

  /// Those of this process.
  package static let ofProcess = InheritedSockets(
    environment: { name in getenv(name).map { String(cString: $0) } }, processID: getpid())

  package let sockets: [Socket]

  /// - Parameter firstDescriptor: 3, but in a test.
  init(environment: (String) -> String?, processID: pid_t, firstDescriptor: Int32 = 3) {
    guard environment("LISTEN_PID").flatMap({ pid_t($0) }) == processID,
      let count = environment("LISTEN_FDS").flatMap({ Int32($0) }), (1...1024).contains(count)
    else {
      sockets = []
      return
    }
    let names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    sockets = (0..<count).map { index in
      let descriptor = firstDescriptor + index
      let name = names.flatMap { Int(index) < $0.count ? $0[Int(index)] : nil } ?? "unknown"
      return Socket(descriptor: descriptor, name: name, endpoints: endpoints(ofListening: descriptor))
    }
  }

  package func socket(for endpoint: String) -> Socket? { sockets.first { $0.endpoints.contains(endpoint) } }

  /// A descriptor for libzmq, which closes what it is given, and which accepts behind a poll, so that it must not block.
  func duplicate(for endpoint: String) -> Int32? {
    guard let descriptor = socket(for: endpoint)?.descriptor else { return nil }
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { return nil }
    _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK)
    return copy
  }
}

/// How libzmq spells the address of a listening stream socket; none for any other descriptor.
private func endpoints(ofListening descriptor: Int32) -> [String] {
  var isListening: Int32 = 0
  var length = socklen_t(MemoryLayout<Int32>.size)
  guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening != 0 else {
    return []
  }
  var address = sockaddr_storage()
  length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  return withUnsafeMutableBytes(of: &address) { bytes in
    let base = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
    guard getsockname(descriptor, base, &length) == 0 else { return [] }
    switch Int32(base.pointee.sa_family) {
    case AF_UNIX:
      let path = bytes[2..<max(2, Int(length))].prefix { $0 != 0 }
      return path.isEmpty ? [] : ["ipc://" + String(decoding: path, as: UTF8.self)]
    case AF_INET, AF_INET6: return tcpEndpoints(base, length)
    default: return []
    }
  }
}

private func tcpEndpoints(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> [String] {
  var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
  var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
  let flags = NI_NUMERICHOST | NI_NUMERICSERV
  guard
    getnameinfo(address, length, &host, socklen_t(host.count), &port, socklen_t(port.count), flags) == 0
  else { return [] }
  func text(_ bytes: [CChar]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  let name = text(host)
  let spelled = name.contains(":") ? "[\(name)]" : name
  let own = "tcp://\(spelled):\(text(port))"
  return name == "::" || name == "0.0.0.0" ? [own, "tcp://*:\(text(port))"] : [own]
}
