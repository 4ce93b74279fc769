/// Why a request is not computed, with what its answer echoes.
package struct Refusal: Error, Equatable, Sendable {
  package let status: Status
  /// What was wrong, with the field and both values, and what to do.
  package let message: String
  package let sequence: UInt64
  package let clientID: ClientID
  /// 0 unless the whole header was there.
  package let rows: UInt32
  package let classes: UInt32
  /// With `.busy`: when to try again.
  package var retryAfterMilliseconds: UInt32 = 0

  /// The refusal of a request whose header could be read.
  package init(status: Status, message: String, answering header: RequestHeader) {
    self.status = status
    self.message = message
    sequence = header.sequence
    clientID = header.clientID
    rows = header.type == .batch ? header.rows : 0
    classes = header.type == .batch ? header.classes : 0
  }

  /// The refusal of a request whose header cannot be read: echoes what is there.
  init(status: Status, message: String, echoing frame: RawSpan) {
    self.status = status
    self.message = message
    let bearsMagic = frame.byteCount >= 4 && frame.integer(UInt32.self, at: 0) == magic
    sequence = bearsMagic && frame.byteCount >= 16 ? frame.integer(UInt64.self, at: 8) : 0
    clientID = bearsMagic && frame.byteCount >= 32 ? ClientID(parsing: frame) : ClientID()
    let isWhole = bearsMagic && frame.byteCount >= RequestHeader.byteCount
    rows = isWhole ? frame.integer(UInt32.self, at: 32) : 0
    classes = isWhole ? frame.integer(UInt32.self, at: 36) : 0
  }
}

extension ClientID {
  /// The client id of a header.
  init(parsing header: RawSpan) {
    self.init(low: header.integer(UInt64.self, at: 16), high: header.integer(UInt64.self, at: 24))
  }
}
