import ZeroMQ

/// Why a daemon does not let a client in, as far as the client can know.
package enum Lockout: Equatable, Sendable {
  /// It does not know the client's key.
  case unknownKey(CurvePublicKey)
  /// It wants CURVE.
  case wantsKeys
  /// It has no CURVE.
  case hasNoKeys
  /// It ends each handshake: the key that we have for the daemon's is not its own. Perhaps: daemons that just stop look
  /// like this too.
  case wrongServerKey(CurvePublicKey)

  /// Whether libzmq has given the connection up, so that waiting does not help.
  package var isFinal: Bool {
    if case .wrongServerKey = self { false } else { true }
  }

  init?(_ failures: [HandshakeFailure: Int], _ security: SocketSecurity) {
    switch security {
    case .client(let serverKey, let keys):
      if failures[.notAllowed] != nil {
        self = .unknownKey(keys.publicKey)
      } else if failures[.mechanism] != nil {
        self = .hasNoKeys
      } else if failures[.disconnected] != nil {
        self = .wrongServerKey(serverKey)
      } else {
        return nil
      }
    case .none, .server:
      guard failures[.mechanism] != nil else { return nil }
      self = .wantsKeys
    }
  }

  package var description: String {
    switch self {
    case .unknownKey(let key):
      "the daemon does not know this client's key; add the line `\(key)` to its file of clients, and reload it"
    case .wantsKeys: "the daemon takes only encrypted connections; give --server-key and --key (`xent keygen --help`)"
    case .hasNoKeys: "the daemon does not encrypt there; leave out --server-key and --key"
    case .wrongServerKey(let key):
      "the daemon ends each handshake; is its public key `\(key)`? `xent keygen --show FILE` prints it there"
    }
  }
}
