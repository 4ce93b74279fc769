import Glibc

/// Where a daemon answers HTTP: `ADDRESS:PORT`, or the absolute path of a unix socket.
package struct MonitoringAddress: Equatable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ text: String) { description = text }

  /// `$XENTD_HTTP` alone; else where a daemon of the user's, of the system's, or any on this machine answers by default.
  package static func candidates(environment: [String: String], directories: [String]) -> [MonitoringAddress] {
    if let address = environment["XENTD_HTTP"], !address.isEmpty { return [MonitoringAddress(address)] }
    return (directories.map { "\($0)/http.sock" } + ["127.0.0.1:9464"]).map(MonitoringAddress.init)
  }

  /// Reads a page.
  ///
  /// - Parameter seconds: how long each step may take.
  /// - Returns: the status of the answer and its body.
  package func get(_ path: String, seconds: Int = 5) throws(MonitoringError) -> (status: Int, body: [UInt8]) {
    let descriptor = try connected(seconds: seconds)
    defer { close(descriptor) }
    try send("GET \(path) HTTP/1.1\r\nHost: xentd\r\nConnection: close\r\n\r\n", to: descriptor)
    return try parse(try everything(from: descriptor))
  }

  /// More than any page has.
  private static let largestAnswerByteCount = 16 << 20

  private func connected(seconds: Int) throws(MonitoringError) -> Int32 {
    if description.hasPrefix("/") { return try connectedToPath(seconds: seconds) }
    guard let colon = description.lastIndex(of: ":") else {
      throw MonitoringError(address: self, reason: "expected ADDRESS:PORT or an absolute path")
    }
    var host = description[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(String(host), String(description[description.index(after: colon)...]), &hints, &found)
    guard result == 0 else { throw MonitoringError(address: self, reason: String(cString: gai_strerror(result))) }
    defer { freeaddrinfo(found) }
    var candidate = found
    while let info = candidate?.pointee {
      if let descriptor = Self.connect(info.ai_family, info.ai_addr, info.ai_addrlen, seconds) { return descriptor }
      candidate = info.ai_next
    }
    throw failure()
  }

  private func connectedToPath(seconds: Int) throws(MonitoringError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard description.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw MonitoringError(address: self, reason: "the path is too long for a socket")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: description.utf8) }
    let descriptor = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Self.connect(AF_UNIX, $0, socklen_t(MemoryLayout<sockaddr_un>.size), seconds)
      }
    }
    guard let descriptor else { throw failure() }
    return descriptor
  }

  /// - Returns: nil where it failed, for the reason in `errno`.
  private static func connect(
    _ family: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ seconds: Int
  ) -> Int32? {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    if Glibc.connect(descriptor, address, length) == 0 { return descriptor }
    let reason = errno
    close(descriptor)
    errno = reason
    return nil
  }

  private func send(_ request: String, to descriptor: Int32) throws(MonitoringError) {
    var left = Array(request.utf8)[...]
    while !left.isEmpty {
      let count = left.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      left = left.dropFirst(count)
    }
  }

  private func everything(from descriptor: Int32) throws(MonitoringError) -> [UInt8] {
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while answer.count <= Self.largestAnswerByteCount {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { return answer }
      answer += chunk[..<count]
    }
    throw MonitoringError(address: self, reason: "its answer does not end; it is no daemon's")
  }

  private func parse(_ answer: [UInt8]) throws(MonitoringError) -> (status: Int, body: [UInt8]) {
    let text = String(decoding: answer.prefix(1 << 12), as: UTF8.self)
    guard text.hasPrefix("HTTP/1."), let status = Int(text.dropFirst(9).prefix(3)),
      let end = answer.indices.first(where: { answer[$0...].starts(with: [13, 10, 13, 10]) })
    else { throw MonitoringError(address: self, reason: "what came is no answer by HTTP") }
    return (status, Array(answer[(end + 4)...]))
  }

  private func failure() -> MonitoringError {
    let reason = errno == EAGAIN ? "no answer in time" : String(cString: strerror(errno))
    return MonitoringError(address: self, reason: reason)
  }
}

/// Why a daemon could not be asked.
package struct MonitoringError: Error, CustomStringConvertible {
  package let address: MonitoringAddress
  package let reason: String

  package init(address: MonitoringAddress, reason: String) {
    self.address = address
    self.reason = reason
  }

  package var description: String { "\(address): \(reason)" }
}
