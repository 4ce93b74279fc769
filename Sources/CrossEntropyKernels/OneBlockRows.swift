import CKernelShims

private let summariesByteCount = blocksAtOnce * MemoryLayout<BlockSummary>.stride

/// Room for the summaries of rows that are worked on at once, and for their blocks.
let oneBlockScratchByteCount = summariesByteCount + blockScratchByteCount

/// Rows that are one block each, as most are that do not stand in lanes.
///
/// What is left to do once blocks are summed, an exponential and a logarithm, is a long chain: exponentials are made for several
/// rows at once, and so are the logarithms of floats' sums.
extension ShortRows {
  private var blocks: UnsafeMutablePointer<BlockSummary> { scratch.assumingMemoryBound(to: BlockSummary.self) }

  func summarizeAsBlocks() {
    let rowsAtOnce = Blocks<Element, Kind>.countAtOnce(length: classCount)
    var first = 0
    while first < rowCount {
      let end = min(first &+ Geometry.laneCount, rowCount)
      var ordinary: UInt16 = 0
      var row = first
      while row < end {
        let rows = neededRows(from: row, to: end, atMost: rowsAtOnce)
        guard !rows.isEmpty else { break }
        summarize(rows)
        if Element.Numbers.areNarrow {
          ordinary |= leaveScaledSums(of: rows) &<< UInt16(truncatingIfNeeded: rows.lowerBound &- first)
        } else {
          foldEach(rows)
        }
        row = rows.upperBound
      }
      if Element.Numbers.areNarrow { takeLogarithms(of: ordinary, summaries, at: first) }
      first = end
    }
  }

  /// The next consecutive rows that are not left out; none where no more follow.
  @inline(__always)
  private func neededRows(from start: Int, to end: Int, atMost count: Int) -> Range<Int> {
    var first = start
    while first < end, isLeftOut(first) { first &+= 1 }
    var last = first
    while last < min(first &+ count, end), !isLeftOut(last) { last &+= 1 }
    return first..<last
  }

  /// Summarises the rows' blocks, and notes the logits of their labels.
  @inline(__always)
  private func summarize(_ rows: Range<Int>) {
    Blocks<Element, Kind>(
      elements: row(rows.lowerBound), length: classCount, elementCount: rows.count &* classCount,
      readableCount: (rowCount &- rows.lowerBound) &* classCount, transform: transform,
      scratch: scratch + summariesByteCount
    ).summarize(into: blocks)
    guard let classes else { return }
    for index in rows { storeLabelLogit(of: index, class: classes[index]) }
  }

  /// Leaves the scaled sums of the rows' exponentials where their logarithms will be.
  ///
  /// - Returns: one bit a row, the lowest for the first, whether its logarithm is left to do: not that of one that `fold` finishes.
  @inline(__always)
  private func leaveScaledSums(of rows: Range<Int>) -> UInt16 {
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
    }
    return ordinary
  }

  @inline(__always)
  private func foldEach(_ rows: Range<Int>) {
    let (sums, lost) = sumsOfOthers(ofRowsThatAre: blocks, count: rows.count)
    let logSums = logarithms(onePlus: sums, low: lost)
    for index in rows {
      let place = index &- rows.lowerBound
      let summary = foldedSummary(
        ofRow: row(index), of: Element.self, classCount: classCount, best: blocks[place],
        holdsNaN: blocks[place].scaledSum.isNaN, logSum: logSums[place])
      summaries.store(summary, at: index)
    }
  }
}

/// Whether a block's sum is one against the references that lanes have.
@inline(__always)
private func isOrdinary(_ block: BlockSummary) -> Bool {
  block.center == 0 && block.excess == LaneReferences.excess
    && block.maximum.magnitude <= Double(LaneReferences.largestMaximum)
    && block.scaledSum >= LaneReferences.smallestComplete
}

/// Makes the logarithms of scaled sums, in the lanes whose bits are set.
@inline(__always)
private func takeLogarithms(of lanes: UInt16, _ summaries: RowSummaries, at first: Int) {
  let place = UnsafeMutableRawPointer(summaries.logSums + first)
  let scaledSums = place.load(as: WideLanes.self)
  let maxima = narrowed(UnsafeRawPointer(summaries.maxima + first).load(as: WideLanes.self))
  let references = LaneReferences(maxima: maxima)
  let logSums = FloatArithmetic.logSums(
    (references.correctedSums(scaledSums), references.exponentials(of: maxima)))
  guard lanes != .max else { return place.storeBytes(of: logSums, as: WideLanes.self) }
  for lane in 0..<Geometry.laneCount where lanes & (1 &<< UInt16(truncatingIfNeeded: lane)) != 0 {
    summaries.logSums[first &+ lane] = logSums[lane]
  }
}
