/// A result as its reader sees it: the header, and the sections in place.
package struct BatchResult: Sendable {
  package let header: ResultHeader
  private let layout: ResultLayout

  /// Reads a result and checks that its sections are whole.
  package init(parsing bytes: RawSpan) throws(ResultError) {
    header = try ResultHeader(parsing: bytes)
    layout = ResultLayout(rows: Int(header.rows), flags: header.flags)
    let isWhole =
      header.flags.contains(.message) ? bytes.byteCount >= layout.byteCount : bytes.byteCount == layout.byteCount
    guard isWhole else {
      throw ResultError(
        description: "result: sections: expected \(layout.byteCount) bytes, received \(bytes.byteCount)")
    }
  }

  /// The losses in nats, widened where they are f32; empty where they were not asked for.
  package func losses(in bytes: RawSpan) -> [Double] { floats(in: bytes, at: layout.lossesOffset) }

  /// The log-sum-exps, widened where they are f32; empty where they were not asked for.
  package func logSumExps(in bytes: RawSpan) -> [Double] { floats(in: bytes, at: layout.logSumExpsOffset) }

  /// The class of each row's largest logit; empty where they were not asked for.
  package func predictions(in bytes: RawSpan) -> [Int32] {
    guard let offset = layout.predictionsOffset else { return [] }
    return (0..<Int(header.rows)).map { bytes.integer(Int32.self, at: offset + $0 * 4) }
  }

  /// The verdicts; empty where they were not asked for.
  package func verdicts(in bytes: RawSpan) -> [UInt8] {
    guard let offset = layout.verdictsOffset else { return [] }
    return (0..<Int(header.rows)).map { bytes.load(UInt8.self, at: offset + $0) }
  }

  /// The message; nil where there is none.
  package func message(in bytes: RawSpan) -> String? {
    guard header.flags.contains(.message) else { return nil }
    let text = (layout.byteCount..<bytes.byteCount).map { bytes.load(UInt8.self, at: $0) }
    return String(decoding: text, as: UTF8.self)
  }

  private func floats(in bytes: RawSpan, at offset: Int?) -> [Double] {
    guard let offset else { return [] }
    let rows = 0..<Int(header.rows)
    if header.flags.contains(.float64) { return rows.map { bytes.double(at: offset + $0 * 8) } }
    return rows.map { Double(bytes.float(at: offset + $0 * 4)) }
  }
}
