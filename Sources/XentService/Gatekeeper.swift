import Logging
import ZeroMQ

/// Decides which clients may connect to endpoints with CURVE: those whose public keys it was given, and nobody else.
/// Owned by the loop's thread.
final class Gatekeeper {
  private var authenticator: Authenticator
  /// The names of the clients that may connect, by their keys.
  var clients: [CurvePublicKey: String]
  private var refusals = LogThrottle()

  init(clients: [CurvePublicKey: String], context: borrowing Context) throws(ZeroMQError) {
    authenticator = try Authenticator(in: context)
    self.clients = clients
  }

  /// What to wait for, so that `answer` is called soon.
  var pollable: Pollable { authenticator.pollable }

  /// Answers the peers that have come since the last time.
  func answer(_ logger: Logger) throws(ZeroMQError) {
    try authenticator.answer { request in
      guard let key = request.publicKey, let name = clients[key] else {
        refuse(request, logger)
        return .refuse
      }
      logger.debug("client let in", metadata: ["client": "\(name)", "key": "\(key)", "address": "\(request.address)"])
      return .allow(name: name)
    }
  }

  private func refuse(_ request: AuthenticationRequest, _ logger: Logger) {
    guard let silentCount = refusals.admit(at: Clock.monotonicNanoseconds) else { return }
    logger.warning(
      "client refused: its key is not in the file of clients",
      metadata: [
        "key": "\(request.publicKey?.description ?? "none")", "address": "\(request.address)",
        "others_since_last": "\(silentCount)",
      ])
  }
}
