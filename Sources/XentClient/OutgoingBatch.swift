import XentProtocol

/// A batch to be sent: its header, of which the stream fills in sequence, client and time, and its sections in place.
package struct OutgoingBatch {
  package var header: RequestHeader
  package var sections: [UnsafeRawBufferPointer]

  package init(header: RequestHeader, sections: [UnsafeRawBufferPointer]) {
    self.header = header
    self.sections = sections
  }

  /// Header included.
  var byteCount: Int { sections.reduce(RequestHeader.byteCount) { $0 + $1.count } }
}
