import XentProtocol

/// A batch that is sent again and again: its bytes, and what must come back.
///
/// SAFETY: what the pointers name is written before the run, and stays until the process ends.
struct PreparedBatch: @unchecked Sendable {
  /// Everything but sequence, client and time.
  var header: RequestHeader
  var logits: UnsafeRawBufferPointer
  var labels: UnsafeRawBufferPointer
  /// What an independent computation gives; nil where nothing is verified.
  var expected: ExpectedBatch?

  var rows: Int { Int(header.rows) }
  var classes: Int { Int(header.classes) }
  var requestByteCount: Int { RequestHeader.byteCount + logits.count + labels.count }
  var resultByteCount: Int { ResultLayout(rows: rows, flags: header.flags).byteCount }
}
