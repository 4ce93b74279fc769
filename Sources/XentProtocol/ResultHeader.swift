/// The 160 bytes that a result begins with, as values. A fresh one is that of a request that was not computed.
package struct ResultHeader: Sendable {
  package static let byteCount = 160
  /// `firstBadRow` where no row is bad.
  package static let noRow = UInt32.max

  /// `.batchResult` or `.infoResult`.
  package var type = MessageType.batchResult
  package var sequence: UInt64 = 0
  package var clientID = ClientID()
  package var rows: UInt32 = 0
  package var classes: UInt32 = 0
  package var status = Status.ok
  package var notes: Notes = []
  package var flags: ResultFlags = []
  /// Sum of sample weight times loss over counted rows.
  package var sum = 0.0
  /// Sum of sample weight times class weight over counted rows.
  package var weight = 0.0
  /// `sum / weight`; NaN where the weight is 0.
  package var mean = Double.nan
  /// The sum over the counted rows whose loss is finite.
  package var finiteSum = 0.0
  package var finiteWeight = 0.0
  /// The part of `finiteSum` that the z-loss made.
  package var zSum = 0.0
  /// Rows that are not ignored.
  package var counted: UInt32 = 0
  package var ignored: UInt32 = 0
  package var invalid: UInt32 = 0
  package var notFinite: UInt32 = 0
  package var correct: UInt32 = 0
  package var topKCorrect: UInt32 = 0
  package var firstBadRow = noRow
  package var retryAfterMilliseconds: UInt32 = 0
  package var queueNanoseconds: UInt64 = 0
  package var computeNanoseconds: UInt64 = 0
  /// Random for each start of the daemon.
  package var serverInstance: UInt64 = 0

  package init() {}

  /// A header that echoes a batch.
  package init(answering request: RequestHeader) {
    sequence = request.sequence
    clientID = request.clientID
    rows = request.rows
    classes = request.classes
  }

  /// The header of the answer to an info request.
  package init(info request: RequestHeader) {
    type = .infoResult
    sequence = request.sequence
    clientID = request.clientID
  }

  package init(_ refusal: Refusal) {
    sequence = refusal.sequence
    clientID = refusal.clientID
    rows = refusal.rows
    classes = refusal.classes
    status = refusal.status
    retryAfterMilliseconds = refusal.retryAfterMilliseconds
  }

  /// Writes the header to the first 160 bytes.
  package func write(to bytes: UnsafeMutableRawBufferPointer) {
    bytes.store(magic, at: 0)
    bytes.store(protocolVersion, at: 4)
    bytes.store(type.rawValue, at: 5)
    bytes.store(UInt16(Self.byteCount), at: 6)
    bytes.store(sequence, at: 8)
    bytes.store(clientID.low, at: 16)
    bytes.store(clientID.high, at: 24)
    bytes.store(rows, at: 32)
    bytes.store(classes, at: 36)
    bytes.store(status.rawValue, at: 40)
    bytes.store(notes.rawValue, at: 42)
    bytes.store(flags.rawValue, at: 44)
    bytes.store(sum, at: 48)
    bytes.store(weight, at: 56)
    bytes.store(mean, at: 64)
    bytes.store(finiteSum, at: 72)
    bytes.store(finiteWeight, at: 80)
    bytes.store(zSum, at: 88)
    bytes.store(counted, at: 96)
    bytes.store(ignored, at: 100)
    bytes.store(invalid, at: 104)
    bytes.store(notFinite, at: 108)
    bytes.store(correct, at: 112)
    bytes.store(topKCorrect, at: 116)
    bytes.store(firstBadRow, at: 120)
    bytes.store(retryAfterMilliseconds, at: 124)
    bytes.store(queueNanoseconds, at: 128)
    bytes.store(computeNanoseconds, at: 136)
    bytes.store(serverInstance, at: 144)
    bytes.store(UInt64(0), at: 152)
  }
}

/// Why a result cannot be read.
package struct ResultError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong, with both values.
  package let description: String
}

extension ResultHeader {
  /// Reads the header of a result.
  package init(parsing bytes: RawSpan) throws(ResultError) {
    func check(_ name: String, _ received: Int, _ expected: Int) throws(ResultError) {
      guard received == expected else {
        throw ResultError(description: "result: \(name): expected \(expected), received \(received)")
      }
    }
    guard bytes.byteCount >= Self.byteCount else {
      throw ResultError(
        description: "result: header: expected at least \(Self.byteCount) bytes, received \(bytes.byteCount)")
    }
    try check("magic", Int(bytes.integer(UInt32.self, at: 0)), Int(magic))
    try check("version", Int(bytes.load(UInt8.self, at: 4)), Int(protocolVersion))
    try check("header size", Int(bytes.integer(UInt16.self, at: 6)), Self.byteCount)
    guard let type = MessageType(rawValue: bytes.load(UInt8.self, at: 5)), type == .batchResult || type == .infoResult
    else {
      throw ResultError(description: "result: type: expected 2 or 4, received \(bytes.load(UInt8.self, at: 5))")
    }
    guard let status = Status(rawValue: bytes.integer(UInt16.self, at: 40)) else {
      throw ResultError(description: "result: status: \(bytes.integer(UInt16.self, at: 40)) is not known")
    }
    self.init()
    self.type = type
    self.status = status
    sequence = bytes.integer(UInt64.self, at: 8)
    clientID = ClientID(parsing: bytes)
    rows = bytes.integer(UInt32.self, at: 32)
    classes = bytes.integer(UInt32.self, at: 36)
    notes = Notes(rawValue: bytes.integer(UInt16.self, at: 42))
    flags = ResultFlags(rawValue: bytes.integer(UInt32.self, at: 44))
    readFigures(bytes)
  }

  private mutating func readFigures(_ bytes: RawSpan) {
    sum = bytes.double(at: 48)
    weight = bytes.double(at: 56)
    mean = bytes.double(at: 64)
    finiteSum = bytes.double(at: 72)
    finiteWeight = bytes.double(at: 80)
    zSum = bytes.double(at: 88)
    counted = bytes.integer(UInt32.self, at: 96)
    ignored = bytes.integer(UInt32.self, at: 100)
    invalid = bytes.integer(UInt32.self, at: 104)
    notFinite = bytes.integer(UInt32.self, at: 108)
    correct = bytes.integer(UInt32.self, at: 112)
    topKCorrect = bytes.integer(UInt32.self, at: 116)
    firstBadRow = bytes.integer(UInt32.self, at: 120)
    retryAfterMilliseconds = bytes.integer(UInt32.self, at: 124)
    queueNanoseconds = bytes.integer(UInt64.self, at: 128)
    computeNanoseconds = bytes.integer(UInt64.self, at: 136)
    serverInstance = bytes.integer(UInt64.self, at: 144)
  }
}
