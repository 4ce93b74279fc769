extension RequestHeader {
  /// Reads the header of a request: length and magic, version, type, header size and reserved bytes, kinds, types, their
  /// combination, flags.
  package init(parsing frame: RawSpan) throws(Refusal) {
    func refusal(_ status: Status, _ message: String) -> Refusal {
      Refusal(status: status, message: message, echoing: frame)
    }
    guard frame.byteCount >= Self.byteCount else {
      throw refusal(.malformed, "header: expected at least \(Self.byteCount) bytes, received \(frame.byteCount)")
    }
    guard frame.integer(UInt32.self, at: 0) == magic else {
      let received = (0..<4).map { hexadecimal(frame.load(UInt8.self, at: $0)) }.joined(separator: " ")
      throw refusal(.malformed, "magic: expected 58 45 4e 54 (\"XENT\"), received \(received)")
    }
    let version = frame.load(UInt8.self, at: 4)
    guard version == protocolVersion else {
      throw refusal(.unsupportedVersion, "version: this daemon speaks version \(protocolVersion), received \(version)")
    }
    let typeCode = frame.load(UInt8.self, at: 5)
    guard let type = MessageType(rawValue: typeCode), type == .batch || type == .info else {
      throw refusal(.unsupported, "type: expected 1 (batch) or 3 (info), received \(typeCode)")
    }
    let headerSize = frame.integer(UInt16.self, at: 6)
    guard headerSize == Self.byteCount else {
      throw refusal(.malformed, "header size: expected \(Self.byteCount), received \(headerSize)")
    }
    let reserved = frame.integer(UInt64.self, at: 88)
    guard reserved == 0 else { throw refusal(.malformed, "reserved: expected 0, received \(reserved)") }
    self.init()
    self.type = type
    sequence = frame.integer(UInt64.self, at: 8)
    clientID = ClientID(parsing: frame)
    guard type == .batch else {
      guard frame.isZero(32..<88) else {
        throw refusal(.malformed, "info: expected all fields behind the client id to be 0")
      }
      return
    }
    rows = frame.integer(UInt32.self, at: 32)
    classes = frame.integer(UInt32.self, at: 36)
    try readTypes(frame)
    topK = frame.load(UInt8.self, at: 43)
    ignoreIndex = frame.integer(Int64.self, at: 48)
    labelSmoothing = frame.float(at: 56)
    zLoss = frame.float(at: 60)
    temperature = frame.float(at: 64)
    softcap = frame.float(at: 68)
    labelTolerance = frame.float(at: 72)
    deadlineMilliseconds = frame.integer(UInt32.self, at: 76)
    sentAtNanoseconds = frame.integer(UInt64.self, at: 80)
  }

  private mutating func readTypes(_ frame: RawSpan) throws(Refusal) {
    func refusal(_ message: String) -> Refusal {
      Refusal(status: .unsupported, message: message, echoing: frame)
    }
    let codes = (logits: frame.load(UInt8.self, at: 40), kind: frame.load(UInt8.self, at: 41))
    guard let logitsType = LogitsType(rawValue: codes.logits) else {
      throw refusal("logits type: expected 1 (f32), 2 (f16), 3 (bf16) or 4 (f64), received \(codes.logits)")
    }
    guard let labelKind = LabelKind(rawValue: codes.kind) else {
      throw refusal("label kind: expected 1 (integer), 2 (one-hot) or 3 (probabilities), received \(codes.kind)")
    }
    let typeCode = frame.load(UInt8.self, at: 42)
    guard let labelType = LabelType(rawValue: typeCode), labelKind.takes(labelType) else {
      let known = LabelType.allCases.filter(labelKind.takes).map { "\($0.rawValue) (\($0.name))" }
      throw refusal(
        "label type: \(labelKind.plural) take \(known.joined(separator: ", ")), received \(typeCode)")
    }
    flags = RequestFlags(rawValue: frame.integer(UInt32.self, at: 44))
    guard flags.isSubset(of: .known) else {
      let unknown = flags.subtracting(.known).rawValue
      throw refusal("flags: this daemon does not know the bits 0x\(hexadecimal(unknown))")
    }
    (self.logitsType, self.labelKind, self.labelType) = (logitsType, labelKind, labelType)
  }
}

private func hexadecimal(_ value: some BinaryInteger) -> String {
  let digits = String(value, radix: 16)
  return digits.count < 2 ? "0" + digits : digits
}
