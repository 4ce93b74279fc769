import ZeroMQ

/// Why a daemon does not let a client in, as far as the client can know.
package enum Lockout: Equatable, Sendable {
  /// It does not know the client's key.
  case unknownKey(CurvePublicKey)
  /// It wants CURVE.
  case wantsKeys
  /// It has no CURVE.
  case hasNoKeys
  /// It ends each handshake: the key that we have for the daemon's is not its own, or one side encrypts and the other does not
  /// and that was not said in time. Perhaps: daemons that just stop look like this too.
  case endsHandshakes(serverKey: CurvePublicKey?)

  /// Whether libzmq has given the connection up, so that waiting does not help.
  package var isFinal: Bool {
    if case .endsHandshakes = self { false } else { true }
  }

  init?(_ failures: [HandshakeFailure: Int], _ security: SocketSecurity) {
    var ours: (serverKey: CurvePublicKey, publicKey: CurvePublicKey)?
    if case .client(let serverKey, let keys) = security { ours = (serverKey, keys.publicKey) }
    if let ours, failures[.notAllowed] != nil {
      self = .unknownKey(ours.publicKey)
    } else if failures[.mechanism] != nil {
      self = ours == nil ? .wantsKeys : .hasNoKeys
    } else if failures[.disconnected] != nil {
      self = .endsHandshakes(serverKey: ours?.serverKey)
    } else {
      return nil
    }
  }

  package var description: String {
    switch self {
    case .unknownKey(let key):
      "the daemon does not know this client's key; add the line `\(key)` to its file of clients, and reload it"
    case .wantsKeys: "the daemon takes only encrypted connections; give --server-key and --key (`xent keygen --help`)"
    case .hasNoKeys: "the daemon does not encrypt there; leave out --server-key and --key"
    case .endsHandshakes(let key?):
      "the daemon ends each handshake; is its public key `\(key)`? `xent keygen --show FILE` prints it there. "
        + "If it does not encrypt there, leave out --server-key and --key"
    case .endsHandshakes(nil):
      "the daemon ends each handshake; if it takes only encrypted connections, give --server-key and --key "
        + "(`xent keygen --help`)"
    }
  }
}
