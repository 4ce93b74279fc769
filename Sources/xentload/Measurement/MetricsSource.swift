import Glibc
import XentClient

/// Where a daemon's metrics are read: `unix:/run/xentd/http.sock` or `http://127.0.0.1:9464/metrics`.
struct MetricsSource: Sendable {
  private static let patienceSeconds = 2

  let address: MonitoringAddress
  let path: String

  /// - Returns: nil where the text is neither of both forms.
  init?(_ text: String) {
    if text.hasPrefix("unix:/") {
      self.init(MonitoringAddress(String(text.dropFirst("unix:".count))))
      return
    }
    guard text.hasPrefix("http://") else { return nil }
    let parts = text.dropFirst("http://".count).split(separator: "/", maxSplits: 1)
    guard let authority = parts.first, authority.contains(":") else { return nil }
    self.init(MonitoringAddress(String(authority)), path: parts.count > 1 ? "/" + parts[1] : "/metrics")
  }

  private init(_ address: MonitoringAddress, path: String = "/metrics") {
    self.address = address
    self.path = path
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
    return access(String(path), F_OK) == 0 ? MetricsSource(MonitoringAddress(String(path))) : nil
  }

  /// What the daemon tells now.
  func snapshot() -> Result<PrometheusText, MonitoringError> {
    do throws(MonitoringError) {
      let answer = try address.get(path, seconds: Self.patienceSeconds)
      guard answer.status == 200 else {
        throw MonitoringError(address: address, reason: "\(path): expected status 200, received \(answer.status)")
      }
      return .success(PrometheusText(String(decoding: answer.body, as: UTF8.self)))
    } catch {
      return .failure(error)
    }
  }
}
