import Glibc
import Logging
import MonitoringHTTP
import XentService

/// The HTTP server on its addresses, and the right to its unix sockets.
final class MonitoringServer {
  private let server: HTTPServer
  private let claims: [Claim]

  /// - Throws: `EndpointError` or `HTTPServerError` where an address cannot be had.
  init(_ addresses: [ListenAddress], _ pages: MonitoringPages, logger: Logger) throws {
    claims = try addresses.compactMap { address in
      guard case .unix(let path) = address else { return nil }
      let claim = try Claim(path)
      unlink(path)  // A killed daemon leaves its socket behind.
      return claim
    }
    server = try HTTPServer(addresses: addresses) { pages.answer($0) }
    for address in server.addresses {
      logger.info("http listens", metadata: ["address": "\(address)"])
      guard !address.isLocal else { continue }
      logger.warning(
        "http can be read from other machines, by anybody who reaches it", metadata: ["address": "\(address)"])
    }
  }

  func stop() { server.stop() }

  private final class Claim {
    private let claim: EndpointClaim
    init(_ path: String) throws(EndpointError) { claim = try EndpointClaim("ipc://\(path)") }
  }
}
