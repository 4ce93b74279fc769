import CZeroMQ

/// How a socket and its peers know one another. libzmq takes it for each `bind` and `connect` as it stands then, so the
/// endpoints of one socket may differ.
package enum SocketSecurity: Equatable, Sendable {
  /// Anybody who can connect is let in, and nothing is encrypted.
  case none
  /// CURVE; peers must know the public key of `secretKey`, and an `Authenticator` in the same context, bound before,
  /// says which of them are let in. (Without one, all are.)
  case server(secretKey: CurveSecretKey)
  /// CURVE, with a peer that has the secret key of `serverKey` and knows us by the public key of `keys`.
  case client(serverKey: CurvePublicKey, keys: CurveKeyPair)

  func apply(to socket: UnsafeMutableRawPointer) throws(ZeroMQError) {
    switch self {
    case .none:
      // Sets the mechanism back to none, whichever role it was. (No option takes a ZAP domain back, so none is set.)
      if hasCurve { try setOption(ZMQ_CURVE_SERVER, 0, of: socket) }
    case .server(let secretKey):
      try setOption(ZMQ_CURVE_SERVER, 1, of: socket)
      try setOption(ZMQ_CURVE_SECRETKEY, text: secretKey.z85, of: socket)
    case .client(let serverKey, let keys):
      try setOption(ZMQ_CURVE_SERVERKEY, text: serverKey.z85, of: socket)
      try setOption(ZMQ_CURVE_PUBLICKEY, text: keys.publicKey.z85, of: socket)
      try setOption(ZMQ_CURVE_SECRETKEY, text: keys.secretKey.z85, of: socket)
    }
  }
}

/// Whether this libzmq was built with CURVE.
package var hasCurve: Bool { zmq_has("curve") == 1 }
