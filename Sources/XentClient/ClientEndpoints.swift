import XentProtocol
import ZeroMQ

/// Where a client meets a daemon.
package enum ClientEndpoints: Equatable, Sendable {
  /// A router lane: results come back by the same socket.
  case router(String)
  /// A pipeline lane, whose only consumer of results this client is.
  case pipeline(requests: String, results: String)

  package var description: String {
    switch self {
    case .router(let endpoint): endpoint
    case .pipeline(let requests, let results): "\(requests) and \(results)"
    }
  }

  /// Router lanes, of which several are separated by commas or spaces.
  package static func list(_ text: String) -> [ClientEndpoints] {
    text.split { $0 == "," || $0 == " " }.map { .router(String($0)) }
  }

  /// The router lanes of `$XENTD_ENDPOINT`; else of the user's daemon, else of the system's, whichever answers.
  package static func found(environment: [String: String]) throws(ClientError) -> [ClientEndpoints] {
    let named = list(environment["XENTD_ENDPOINT"] ?? "")
    if !named.isEmpty { return named }
    let candidates = [DefaultEndpoints.user(environment: environment), .system].compactMap { $0?.router }
    if let endpoint = candidates.first(where: { SocketPath($0)?.isAnswered == true }) { return [.router(endpoint)] }
    throw .noDaemon(lookedAt: candidates)
  }
}
