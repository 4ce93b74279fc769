import CKernelShims

// Rows of floats that are one block each, as most are that do not stand in lanes. What is left to do once a block is summed,
// an exponential and a logarithm, is a long chain and made for sixteen rows at once, as it is for rows in lanes.

/// Summarises at most sixteen consecutive rows of one block.
///
/// - Parameters:
///   - rowCount: at most sixteen.
///   - block: room for one.
///   - first: the first row's place among the summaries, a multiple of sixteen.
///   - summarize: the block of a row; and, seldom, the whole row from its block.
@inline(__always)
func summarizeOneBlockRows(
  _ rowCount: Int, block: UnsafeMutablePointer<BlockSummary>, into summaries: RowSummaries, at first: Int,
  summarize: (Int) -> Void, fold: (Int) -> RowSummary
) {
  var ordinary: UInt16 = 0
  for lane in 0..<rowCount {
    summarize(first &+ lane)
    let summary = block.pointee
    if isOrdinary(summary) {
      summaries.store(
        RowSummary(maximum: summary.maximum, logSum: summary.scaledSum, argmax: summary.argmax), at: first &+ lane)
      ordinary |= 1 &<< UInt16(truncatingIfNeeded: lane)
    } else {
      summaries.store(fold(first &+ lane), at: first &+ lane)
    }
  }
  takeLogarithms(of: ordinary, summaries, at: first)
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
