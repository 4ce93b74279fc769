import CKernelShims

private let summariesByteCount = blocksAtOnce * MemoryLayout<BlockSummary>.stride

/// Room for the summaries of rows that are worked on at once, and for their blocks.
let oneBlockScratchByteCount = summariesByteCount + blockScratchByteCount

/// Rows that are one block each, as most are that do not stand in lanes.
///
/// What is left to do once a block is summed, an exponential and a logarithm, is a long chain and made for sixteen rows at once,
/// as it is for rows in lanes.
extension ShortRows {
  private var rowsAtOnce: Int { min(blocksAtOnce, wholeBlocksAtOnce &* Geometry.blockLength / classCount) }

  func summarizeAsBlocks() {
    let rowsAtOnce = rowsAtOnce
    var first = 0
    while first < rowCount {
      let end = min(first &+ Geometry.laneCount, rowCount)
      var ordinary: UInt16 = 0
      var row = first
      while row < end {
        let rows = row..<min(row &+ rowsAtOnce, end)
        ordinary |= sum(rows) &<< UInt16(truncatingIfNeeded: row &- first)
        row = rows.upperBound
      }
      takeLogarithms(of: ordinary, summaries, at: first)
      first = end
    }
  }

  /// Leaves the scaled sums of the rows' exponentials where their logarithms will be.
  ///
  /// - Returns: one bit a row, the lowest for the first, whether its logarithm is left to do: not that of one that `fold` finishes.
  @inline(__always)
  private func sum(_ rows: Range<Int>) -> UInt16 {
    @inline(__always) func row(_ index: Int) -> UnsafeRawPointer { logits + index &* classCount &* Element.byteCount }
    let blocks = scratch.assumingMemoryBound(to: BlockSummary.self)
    Blocks<Element, Kind>(
      elements: row(rows.lowerBound), length: classCount, elementCount: rows.count &* classCount,
      readableCount: (rowCount &- rows.lowerBound) &* classCount, transform: transform,
      scratch: scratch + summariesByteCount
    ).summarize(into: blocks)
    var ordinary: UInt16 = 0
    for index in rows {
      let place = index &- rows.lowerBound
      if isOrdinary(blocks[place]) {
        summaries.maxima[index] = blocks[place].maximum
        summaries.logSums[index] = blocks[place].scaledSum
        summaries.argmaxes[index] = Int32(truncatingIfNeeded: blocks[place].argmax)
        ordinary |= 1 &<< UInt16(truncatingIfNeeded: place)
      } else {
        let summary = fold(blocks + place, count: 1, ofRow: row(index), of: Element.self, classCount: classCount)
        summaries.store(summary, at: index)
      }
      if let classes { summaries.labelLogits[index] = Element.element(max(0, Int(classes[index])), of: row(index)) }
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
