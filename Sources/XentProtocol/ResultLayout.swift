/// Where the sections of a computed batch's result lie, counted from the start of the frame. The message, if there is
/// one, is behind the last.
package struct ResultLayout: Equatable, Sendable {
  package let lossesOffset: Int?
  package let logSumExpsOffset: Int?
  package let predictionsOffset: Int?
  package let verdictsOffset: Int?
  /// Bytes of the header and these sections.
  package let byteCount: Int

  package init(rows: Int, flags: RequestFlags) { self.init(rows: rows, flags: ResultFlags(sectionsOf: flags)) }

  package init(rows: Int, flags: ResultFlags) {
    var end = ResultHeader.byteCount
    func place(_ flag: ResultFlags, elementByteCount: Int) -> Int? {
      guard flags.contains(flag) else { return nil }
      defer { end += rows * elementByteCount }
      return end
    }
    let floatByteCount = flags.contains(.float64) ? 8 : 4
    lossesOffset = place(.losses, elementByteCount: floatByteCount)
    logSumExpsOffset = place(.logSumExps, elementByteCount: floatByteCount)
    predictionsOffset = place(.predictions, elementByteCount: 4)
    verdictsOffset = place(.verdicts, elementByteCount: 1)
    byteCount = end
  }
}
