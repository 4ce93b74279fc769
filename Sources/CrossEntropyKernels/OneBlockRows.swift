import CKernelShims

/// Rows that are one block each, as most are that do not stand in lanes.
///
/// Several are searched before they are summed, up to a whole block's worth of logits; and what is left to do once a block is
/// summed, an exponential and a logarithm, is a long chain and made for sixteen rows at once, as it is for rows in lanes.
extension ShortRows {
  private var rowsAtOnce: Int { min(blocksAtOnce, Geometry.blockLength / classCount) }

  func summarizeAsBlocks() {
    let rowsAtOnce = rowsAtOnce
    var first = 0
    while first < rowCount {
      let end = min(first &+ Geometry.laneCount, rowCount)
      var ordinary: UInt16 = 0
      var row = first
      while row < end {
        let rows = row..<min(row &+ rowsAtOnce, end)
        search(rows)
        ordinary |= sum(rows) &<< UInt16(truncatingIfNeeded: row &- first)
        row = rows.upperBound
      }
      takeLogarithms(of: ordinary, summaries, at: first)
      first = end
    }
  }

  @inline(__always)
  private func row(_ index: Int) -> UnsafeRawPointer { logits + index &* classCount &* Element.byteCount }

  @inline(__always)
  private func block(_ row: UnsafeRawPointer, place: Int) -> Block<Element, Kind> {
    Block(row, count: classCount, transform: transform, place: place, scratch: scratch)
  }

  // Not inlined: they are compiled for each type of logits and kind of transform, and long.

  /// Leaves the maxima before the transform, and their places, where the rows' summaries will be.
  @inline(never)
  private func search(_ rows: Range<Int>) {
    for index in rows {
      let row = row(index)
      let peak = block(row, place: index &- rows.lowerBound).search(readableCount: (rowCount &- index) &* classCount)
      summaries.maxima[index] = peak.rawMaximum
      summaries.argmaxes[index] = Int32(truncatingIfNeeded: peak.position)
      if let classes { summaries.labelLogits[index] = Element.element(max(0, Int(classes[index])), of: row) }
    }
  }

  /// Leaves the scaled sums of the rows' exponentials where their logarithms will be.
  ///
  /// - Returns: one bit a row, the lowest for the first, whether its logarithm is left to do: not that of one that `fold` finishes.
  @inline(never)
  private func sum(_ rows: Range<Int>) -> UInt16 {
    var ordinary: UInt16 = 0
    for index in rows {
      let row = row(index)
      let place = index &- rows.lowerBound
      var summary = block(row, place: place)
        .summary((summaries.maxima[index], Int(summaries.argmaxes[index])), firstClass: 0)
      if isOrdinary(summary) {
        summaries.maxima[index] = summary.maximum
        summaries.logSums[index] = summary.scaledSum
        ordinary |= 1 &<< UInt16(truncatingIfNeeded: place)
      } else {
        summaries.store(fold(&summary, count: 1, ofRow: row, of: Element.self, classCount: classCount), at: index)
      }
    }
    return ordinary
  }
}

/// Whether a block's sum is one against the references that lanes have.
@inline(__always)
private func isOrdinary(_ block: BlockSummary) -> Bool {
  block.center == 0 && block.maximum.magnitude <= Double(LaneReferences.largestMaximum)
    && block.scaledSum >= LaneReferences.smallestComplete
}

/// Makes the logarithms of scaled sums, in the lanes whose bits are set.
@inline(__always)
private func takeLogarithms(of lanes: UInt16, _ summaries: RowSummaries, at first: Int) {
  let place = UnsafeMutableRawPointer(summaries.logSums + first)
  let scaledSums = place.load(as: WideLanes.self)
  let maxima = narrowed(UnsafeRawPointer(summaries.maxima + first).load(as: WideLanes.self))
  let logSums = logarithms(onePlus: scaledSums * LaneReferences(maxima: maxima).scales(maxima: maxima))
  guard lanes != .max else { return place.storeBytes(of: logSums, as: WideLanes.self) }
  for lane in 0..<Geometry.laneCount where lanes & (1 &<< UInt16(truncatingIfNeeded: lane)) != 0 {
    summaries.logSums[first &+ lane] = logSums[lane]
  }
}
