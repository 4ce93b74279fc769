import Glibc
import XentClient

/// Where a daemon's metrics are read: `unix:/run/xentd/http.sock` or `http://127.0.0.1:9464/metrics`.
struct MetricsSource: Sendable {
  enum Place: Sendable, Equatable {
    case unix(path: String)
    case tcp(host: String, port: String)
  }

  /// An answer that does not end is no daemon's.
  private static let mostBytes = 16 << 20

  let place: Place
  let path: String

  /// - Returns: nil where the text is neither of both forms.
  init?(_ text: String) {
    if text.hasPrefix("unix:") {
      place = .unix(path: String(text.dropFirst("unix:".count)))
      path = "/metrics"
      return
    }
    guard text.hasPrefix("http://") else { return nil }
    let parts = text.dropFirst("http://".count).split(separator: "/", maxSplits: 1)
    guard let authority = parts.first, let colon = authority.lastIndex(of: ":") else { return nil }
    place = .tcp(
      host: authority[..<colon].filter { !"[]".contains($0) }, port: String(authority[authority.index(after: colon)...])
    )
    path = parts.count > 1 ? "/" + parts[1] : "/metrics"
  }

  /// The socket beside that of an `ipc://` endpoint, where there is one.
  static func beside(_ endpoints: ClientEndpoints) -> MetricsSource? {
    let endpoint =
      switch endpoints {
      case .router(let endpoint): endpoint
      case .pipeline(let requests, _): requests
      }
    guard endpoint.hasPrefix("ipc:///"), let slash = endpoint.lastIndex(of: "/") else { return nil }
    let path = endpoint[..<slash].dropFirst("ipc://".count) + "/http.sock"
    return access(String(path), F_OK) == 0 ? MetricsSource("unix:\(path)") : nil
  }

  var description: String {
    switch place {
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): "http://\(host):\(port)\(path)"
    }
  }

  /// What the daemon tells now.
  func snapshot() -> Result<PrometheusText, MetricsError> {
    do throws(MetricsError) {
      return .success(PrometheusText(try get()))
    } catch {
      return .failure(error)
    }
  }

  private func get() throws(MetricsError) -> String {
    let socket = try connected()
    defer { close(socket) }
    var request = "GET \(path) HTTP/1.0\r\nHost: xentd\r\nAccept: text/plain;version=0.0.4\r\n\r\n"
    let sent = request.withUTF8 { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    guard sent == request.utf8.count else { throw failure("write") }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(socket, &chunk, chunk.count, 0)
      guard count >= 0 else { throw failure("read") }
      if count == 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= Self.mostBytes else {
        throw MetricsError(description: "\(description): expected at most \(Self.mostBytes) bytes, received more")
      }
    }
    let answer = String(decoding: bytes, as: UTF8.self)
    guard let end = answer.firstRange(of: "\r\n\r\n") else {
      throw MetricsError(description: "\(description): its answer is not HTTP")
    }
    let status = answer.prefix { $0 != "\r\n" }.split(separator: " ")
    guard status.count > 1, status[1] == "200" else {
      throw MetricsError(description: "\(description): expected status 200, received \(status.dropFirst().first ?? "")")
    }
    return String(answer[end.upperBound...])
  }

  private func connected() throws(MetricsError) -> Int32 {
    switch place {
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw MetricsError(description: "\(path): expected a path of less than 108 bytes, received \(path.utf8.count)")
      }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      return try withUnsafeBytes(of: address) { bytes throws(MetricsError) in try connected(AF_UNIX, to: bytes) }
    case .tcp(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      var list: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(host, port, &hints, &list)
      guard code == 0, let list else {
        throw MetricsError(description: "\(description): \(String(cString: gai_strerror(code)))")
      }
      defer { freeaddrinfo(list) }
      return try connected(toFirstOf: list)
    }
  }

  /// A name has several addresses (`localhost` has ::1 and 127.0.0.1), and the daemon may listen at one of them only.
  private func connected(toFirstOf list: UnsafeMutablePointer<addrinfo>) throws(MetricsError) -> Int32 {
    var address = list.pointee
    while true {
      do throws(MetricsError) {
        return try connected(
          address.ai_family, to: UnsafeRawBufferPointer(start: address.ai_addr, count: Int(address.ai_addrlen)))
      } catch {
        guard let next = address.ai_next else { throw error }
        address = next.pointee
      }
    }
  }

  private func connected(_ family: Int32, to address: UnsafeRawBufferPointer) throws(MetricsError) -> Int32 {
    let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw failure("open a socket for") }
    var patience = timeval(tv_sec: 2, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(socket, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    let result = Glibc.connect(
      socket, address.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count))
    guard result == 0 else {
      let error = failure("connect to")
      close(socket)
      throw error
    }
    return socket
  }

  private func failure(_ doing: String) -> MetricsError {
    MetricsError(description: "cannot \(doing) \(description): \(String(cString: strerror(errno)))")
  }
}

/// Why a daemon's metrics cannot be read.
struct MetricsError: Error, CustomStringConvertible {
  let description: String
}
