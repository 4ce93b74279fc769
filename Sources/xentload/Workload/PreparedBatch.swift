import XentProtocol

/// A batch that is sent again and again: its bytes, and what must come back.
///
/// A class, because each send and each result looks it up: nothing of it is copied then.
///
/// SAFETY: what the pointers name is written before the run, and stays until the process ends.
final class PreparedBatch: @unchecked Sendable {
  /// Everything but sequence, client and time.
  let header: RequestHeader
  let logits: UnsafeRawBufferPointer
  let labels: UnsafeRawBufferPointer
  /// What an independent computation gives; nil where nothing is verified.
  let expected: ExpectedBatch?
  let rows: Int
  let requestByteCount: Int

  init(
    header: RequestHeader, logits: UnsafeRawBufferPointer, labels: UnsafeRawBufferPointer,
    expected: ExpectedBatch? = nil
  ) {
    self.header = header
    self.logits = logits
    self.labels = labels
    self.expected = expected
    rows = Int(header.rows)
    requestByteCount = RequestHeader.byteCount + logits.count + labels.count
  }

  /// The same with what must come back.
  func expecting(_ expected: ExpectedBatch?) -> PreparedBatch {
    PreparedBatch(header: header, logits: logits, labels: labels, expected: expected)
  }

  var classes: Int { Int(header.classes) }
  var resultByteCount: Int { ResultLayout(rows: rows, flags: header.flags).byteCount }
}
