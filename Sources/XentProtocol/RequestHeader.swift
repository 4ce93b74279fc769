/// The 96 bytes that a request begins with, as values.
package struct RequestHeader: Equatable, Sendable {
  package static let byteCount = 96

  /// `.batch` or `.info`.
  package var type = MessageType.batch
  /// Chosen by the client, echoed.
  package var sequence: UInt64 = 0
  package var clientID = ClientID()
  package var rows: UInt32 = 0
  package var classes: UInt32 = 1
  package var logitsType = LogitsType.f32
  package var labelKind = LabelKind.integer
  package var labelType = LabelType.i64
  /// 0 = not asked for.
  package var topK: UInt8 = 0
  package var flags: RequestFlags = []
  /// Read only with the flag `.ignore`.
  package var ignoreIndex: Int64 = 0
  package var labelSmoothing: Float = 0
  package var zLoss: Float = 0
  /// 0 stands for 1.
  package var temperature: Float = 0
  /// 0 = none.
  package var softcap: Float = 0
  /// How far a row of probabilities may sum from 1; 0 stands for 1e-3.
  package var labelTolerance: Float = 0
  /// Milliseconds after which the batch need not be computed; 0 = none.
  package var deadlineMilliseconds: UInt32 = 0
  /// Nanoseconds since 1970 by the client's clock; 0 = not told.
  package var sentAtNanoseconds: UInt64 = 0

  package init() {}

  /// Writes the header to the first 96 bytes.
  package func write(to bytes: UnsafeMutableRawBufferPointer) {
    bytes.store(magic, at: 0)
    bytes.store(protocolVersion, at: 4)
    bytes.store(type.rawValue, at: 5)
    bytes.store(UInt16(Self.byteCount), at: 6)
    bytes.store(sequence, at: 8)
    bytes.store(clientID.low, at: 16)
    bytes.store(clientID.high, at: 24)
    bytes.store(UInt64(0), at: 88)
    guard type == .batch else {
      UnsafeMutableRawBufferPointer(rebasing: bytes[32..<88]).initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    bytes.store(rows, at: 32)
    bytes.store(classes, at: 36)
    bytes.store(logitsType.rawValue, at: 40)
    bytes.store(labelKind.rawValue, at: 41)
    bytes.store(labelType.rawValue, at: 42)
    bytes.store(topK, at: 43)
    bytes.store(flags.rawValue, at: 44)
    bytes.store(ignoreIndex, at: 48)
    bytes.store(labelSmoothing, at: 56)
    bytes.store(zLoss, at: 60)
    bytes.store(temperature, at: 64)
    bytes.store(softcap, at: 68)
    bytes.store(labelTolerance, at: 72)
    bytes.store(deadlineMilliseconds, at: 76)
    bytes.store(sentAtNanoseconds, at: 80)
  }

  /// Whether the request has this section.
  package func has(_ section: Section) -> Bool {
    guard type == .batch else { return false }
    return switch section {
    case .logits, .labels: true
    case .sampleWeights: flags.contains(.sampleWeights)
    case .classWeights: flags.contains(.classWeights)
    }
  }

  /// The shape of a section and the bytes of its elements.
  func shape(of section: Section) -> SectionShape {
    switch section {
    case .logits: SectionShape(rows: rows, classes: classes, elementByteCount: logitsType.elementByteCount)
    case .labels:
      SectionShape(
        rows: rows, classes: labelKind == .integer ? nil : classes, elementByteCount: labelType.elementByteCount)
    case .sampleWeights: SectionShape(rows: rows, classes: nil, elementByteCount: 4)
    case .classWeights: SectionShape(rows: nil, classes: classes, elementByteCount: 4)
    }
  }

  /// `8 x 10 x f32`, say.
  func description(of section: Section) -> String {
    let shape = shape(of: section)
    let type =
      switch section {
      case .logits: logitsType.name
      case .labels: labelType.name
      case .sampleWeights, .classWeights: "f32"
      }
    return [shape.rows.map { "\($0)" }, shape.classes.map { "\($0)" }, type].compactMap { $0 }.joined(separator: " x ")
  }

  /// The bytes of a section, nil where 64 bits do not hold them; 0 where the request does not have it.
  package func byteCount(of section: Section) -> Int? {
    has(section) ? shape(of: section).byteCount : 0
  }
}

/// What follows the header of a request, in this order.
package enum Section: Int, CaseIterable, Sendable {
  case logits
  case labels
  case sampleWeights
  case classWeights

  package var name: String {
    switch self {
    case .logits: "logits"
    case .labels: "labels"
    case .sampleWeights: "sample weights"
    case .classWeights: "class weights"
    }
  }
}

/// How many elements a section has, in the dimensions that it has.
struct SectionShape {
  let rows: UInt32?
  let classes: UInt32?
  let elementByteCount: Int

  /// nil where 64 bits do not hold it.
  var byteCount: Int? {
    let (count, overflow) = Int(rows ?? 1).multipliedReportingOverflow(by: Int(classes ?? 1))
    let (bytes, overflowsToo) = count.multipliedReportingOverflow(by: elementByteCount)
    return overflow || overflowsToo ? nil : bytes
  }
}
