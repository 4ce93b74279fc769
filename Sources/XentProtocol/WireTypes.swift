/// The four bytes that every message begins with: `XENT`.
let magic: UInt32 = 0x544e_4558

/// The version of the protocol that this is.
let protocolVersion: UInt8 = 1

/// What a message is.
package enum MessageType: UInt8, Sendable {
  case batch = 1
  case batchResult = 2
  case info = 3
  case infoResult = 4
}

/// The type of logits.
package enum LogitsType: UInt8, Sendable, CaseIterable {
  case f32 = 1
  case f16 = 2
  case bf16 = 3
  case f64 = 4

  package var elementByteCount: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .f64: 8
    }
  }

  package var name: String {
    switch self {
    case .f32: "f32"
    case .f16: "f16"
    case .bf16: "bf16"
    case .f64: "f64"
    }
  }
}

/// What labels are.
package enum LabelKind: UInt8, Sendable, CaseIterable {
  /// One class index a row.
  case integer = 1
  /// A row of classes, of which one element is 1.
  case oneHot = 2
  /// A row of classes whose elements add up to 1.
  case probabilities = 3

  /// What labels of this kind are called.
  package var plural: String {
    switch self {
    case .integer: "integer labels"
    case .oneHot: "one-hot labels"
    case .probabilities: "probabilities"
    }
  }

  /// Whether labels of this kind can have elements of this type.
  package func takes(_ type: LabelType) -> Bool {
    switch (self, type) {
    case (.integer, .u8), (.integer, .u16), (.integer, .u32), (.integer, .i32), (.integer, .i64): true
    case (.oneHot, .u8), (.oneHot, .f16), (.oneHot, .bf16), (.oneHot, .f32), (.oneHot, .f64): true
    case (.probabilities, .f16), (.probabilities, .bf16), (.probabilities, .f32), (.probabilities, .f64): true
    default: false
    }
  }
}

/// The type of the elements of labels.
package enum LabelType: UInt8, Sendable, CaseIterable {
  case f32 = 1
  case f16 = 2
  case bf16 = 3
  case f64 = 4
  case u8 = 16
  case i32 = 17
  case i64 = 18
  case u16 = 19
  case u32 = 20

  package var elementByteCount: Int {
    switch self {
    case .u8: 1
    case .f16, .bf16, .u16: 2
    case .f32, .i32, .u32: 4
    case .f64, .i64: 8
    }
  }

  package var name: String {
    switch self {
    case .f32: "f32"
    case .f16: "f16"
    case .bf16: "bf16"
    case .f64: "f64"
    case .u8: "u8"
    case .i32: "i32"
    case .i64: "i64"
    case .u16: "u16"
    case .u32: "u32"
    }
  }
}

/// What a request asks for and brings.
package struct RequestFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Return the loss of each row.
  package static let losses = RequestFlags(rawValue: 1 << 0)
  /// Return the log-sum-exp of each row.
  package static let logSumExps = RequestFlags(rawValue: 1 << 1)
  /// Return the class of the largest logit of each row.
  package static let predictions = RequestFlags(rawValue: 1 << 2)
  /// Return a verdict for each row.
  package static let verdicts = RequestFlags(rawValue: 1 << 3)
  /// Losses and log-sum-exps are f64.
  package static let float64 = RequestFlags(rawValue: 1 << 4)
  /// The ignore index counts.
  package static let ignore = RequestFlags(rawValue: 1 << 8)
  /// There are sample weights.
  package static let sampleWeights = RequestFlags(rawValue: 1 << 9)
  /// There are class weights.
  package static let classWeights = RequestFlags(rawValue: 1 << 10)
  /// An all-zero one-hot row is ignored rather than invalid.
  package static let zeroRowIgnored = RequestFlags(rawValue: 1 << 11)

  static let known = RequestFlags(rawValue: 0b1111_0001_1111)
}

/// Which sections follow the header of a result.
package struct ResultFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let losses = ResultFlags(rawValue: 1 << 0)
  package static let logSumExps = ResultFlags(rawValue: 1 << 1)
  package static let predictions = ResultFlags(rawValue: 1 << 2)
  package static let verdicts = ResultFlags(rawValue: 1 << 3)
  package static let float64 = ResultFlags(rawValue: 1 << 4)
  package static let message = ResultFlags(rawValue: 1 << 5)

  /// The sections that a request asks for.
  package init(sectionsOf request: RequestFlags) { rawValue = request.rawValue & 0b1_1111 }
}

/// What became of a request.
package enum Status: UInt16, Sendable, CaseIterable {
  case ok = 0
  case malformed = 1
  case unsupportedVersion = 2
  case unsupported = 3
  case badShape = 4
  case tooLarge = 5
  case badOption = 6
  case busy = 16
  case draining = 17
  case expired = 18
  case `internal` = 19

  /// Whether the same request may be answered otherwise later.
  package var isRetryable: Bool { rawValue >= 16 }

  /// The name in the protocol's documentation.
  package var name: String {
    switch self {
    case .ok: "OK"
    case .malformed: "MALFORMED"
    case .unsupportedVersion: "UNSUPPORTED_VERSION"
    case .unsupported: "UNSUPPORTED"
    case .badShape: "BAD_SHAPE"
    case .tooLarge: "TOO_LARGE"
    case .badOption: "BAD_OPTION"
    case .busy: "BUSY"
    case .draining: "DRAINING"
    case .expired: "EXPIRED"
    case .internal: "INTERNAL"
    }
  }
}

/// What became of one row. Where several apply, the lowest number is given.
package enum Verdict: UInt8, Sendable, CaseIterable {
  case ok = 0
  case ignored = 1
  case labelOutOfRange = 2
  case notOneHot = 3
  case badProbabilities = 4
  case badWeight = 5
  case nanLogit = 16
  case infiniteLogit = 17
  case allMasked = 18
  case labelMasked = 19
  case overflow = 20
}

/// What a reader of a result should know.
package struct Notes: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let noRows = Notes(rawValue: 1)
  package static let noCountedRows = Notes(rawValue: 2)
  package static let someRowsInvalid = Notes(rawValue: 4)
  package static let someLossesNotFinite = Notes(rawValue: 8)
  package static let draining = Notes(rawValue: 0x8000)
}

/// Sixteen opaque bytes by which a client knows its own results.
package struct ClientID: Hashable, Sendable {
  package var low: UInt64
  package var high: UInt64

  package init(low: UInt64 = 0, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }

  package static func random() -> ClientID { ClientID(low: .random(in: 0 ... .max), high: .random(in: 0 ... .max)) }
}
