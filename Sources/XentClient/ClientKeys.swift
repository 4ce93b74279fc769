import ZeroMQ

/// The keys with which a client meets a daemon whose endpoint uses CURVE.
package enum ClientKeys {
  /// What the environment calls them where no option does.
  package static let serverKeyVariable = "XENTD_SERVER_KEY"
  package static let keyFileVariable = "XENTD_KEY"

  /// - Parameters:
  ///   - serverKey: the daemon's public key in Z85, or a file that has it.
  ///   - keyFile: the file of the client's own secret key.
  /// - Throws: `ClientError.keys`, where only one of the two is there or a file is not as it must be.
  package static func security(serverKey: String?, keyFile: String?) throws(ClientError) -> SocketSecurity {
    switch (serverKey, keyFile) {
    case (nil, nil): return .none
    case (let serverKey?, let keyFile?):
      do {
        let secretKey = try CurveKeyFile.secretKey(at: keyFile)
        return .client(serverKey: try publicKey(serverKey), keys: try CurveKeyPair(secretKey: secretKey))
      } catch {
        throw .keys("\(error)")
      }
    case (_?, nil): throw .keys("--server-key goes with --key: the daemon lets in only clients whose keys it knows")
    case (nil, _?): throw .keys("--key goes with --server-key, the daemon's public key")
    }
  }

  private static func publicKey(_ text: String) throws -> CurvePublicKey {
    if let key = CurvePublicKey(z85: text) { return key }
    let keys = try CurveKeyFile.publicKeys(at: text)
    guard keys.count == 1, let key = keys.first?.key else {
      throw ClientError.keys("\(text): expected one public key, found \(keys.count)")
    }
    return key
  }
}
