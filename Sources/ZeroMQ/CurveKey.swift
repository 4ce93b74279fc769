import CZeroMQ

/// A public key of CURVE, libzmq's encryption: 32 bytes, written as 40 characters of Z85.
package struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
  package let z85: String

  /// - Returns: nil where the text is no key.
  package init?(z85: some StringProtocol) {
    guard let bytes = keyBytes(z85: String(z85)) else { return nil }
    // Several texts could stand for the same bytes if libzmq ever took them; one of them is the key.
    self.init(bytes: bytes)
  }

  /// - Precondition: 32 bytes.
  package init(bytes: [UInt8]) { z85 = keyText(bytes) }

  package var description: String { z85 }
}

/// A secret key of CURVE. It does not print itself: what is logged by mistake tells nobody.
package struct CurveSecretKey: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
  package let z85: String

  /// - Returns: nil where the text is no key.
  package init?(z85: some StringProtocol) {
    guard let bytes = keyBytes(z85: String(z85)) else { return nil }
    self.z85 = keyText(bytes)
  }

  package var description: String { "a secret key" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A secret key and the public key that belongs to it.
package struct CurveKeyPair: Equatable, Sendable {
  package let publicKey: CurvePublicKey
  package let secretKey: CurveSecretKey

  /// - Throws: where this libzmq was built without CURVE.
  package init(secretKey: CurveSecretKey) throws(ZeroMQError) {
    var text = [CChar](repeating: 0, count: keyCharacterCount + 1)
    if zmq_curve_public(&text, secretKey.z85) == -1 { throw ZeroMQError("derive a public key") }
    publicKey = CurvePublicKey(z85: string(text))!
    self.secretKey = secretKey
  }

  /// A pair that nobody has had before.
  /// - Throws: where this libzmq was built without CURVE.
  package static func random() throws(ZeroMQError) -> CurveKeyPair {
    var publicText = [CChar](repeating: 0, count: keyCharacterCount + 1)
    var secretText = publicText
    if zmq_curve_keypair(&publicText, &secretText) == -1 { throw ZeroMQError("make a pair of keys") }
    return try CurveKeyPair(secretKey: CurveSecretKey(z85: string(secretText))!)
  }
}

/// What a key has in Z85.
package let keyCharacterCount = 40

private let keyByteCount = 32

/// - Returns: nil where the text is not 40 characters of Z85.
private func keyBytes(z85 text: String) -> [UInt8]? {
  // libzmq's decoder looks at the length alone before it indexes a table by each character.
  guard text.utf8.count == keyCharacterCount, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
  var bytes = [UInt8](repeating: 0, count: keyByteCount)
  return zmq_z85_decode(&bytes, text) == nil ? nil : bytes
}

private func keyText(_ bytes: [UInt8]) -> String {
  precondition(bytes.count == keyByteCount, "a key has 32 bytes")
  var text = [CChar](repeating: 0, count: keyCharacterCount + 1)
  zmq_z85_encode(&text, bytes, bytes.count)
  return string(text)
}

private func string(_ text: [CChar]) -> String {
  String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
