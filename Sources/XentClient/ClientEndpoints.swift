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

  /// The router lane of `$XENTD_ENDPOINT`; else of the user's daemon, else of the system's, whichever answers.
  package static func found(environment: [String: String]) throws(ClientError) -> ClientEndpoints {
    if let endpoint = environment["XENTD_ENDPOINT"], !endpoint.isEmpty { return .router(endpoint) }
    let candidates = [DefaultEndpoints.user(environment: environment), .system].compactMap { $0?.router }
    if let endpoint = candidates.first(where: { SocketPath($0)?.isAnswered == true }) { return .router(endpoint) }
    throw .noDaemon(lookedAt: candidates)
  }
}
