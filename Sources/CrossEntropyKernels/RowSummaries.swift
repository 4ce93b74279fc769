import CKernelShims

/// Bytes that a worker lends to the functions here for their own use.
package let kernelScratchByteCount = max(blockScratchByteCount, narrowScratchByteCount)

/// Logits in one block, of which the last of a row may have fewer.
package let blockLength = Geometry.blockLength

/// The number of blocks in a row of `classCount` logits.
package func blockCount(classCount: Int) -> Int {
  (classCount &+ Geometry.blockLength &- 1) / Geometry.blockLength
}

/// Summarises consecutive blocks of one row.
///
/// - Parameters:
///   - row: the row's first logit; need not be aligned.
///   - classCount: the row's number of logits.
///   - blocks: which blocks of the row.
///   - summaries: room for one summary a block, the first for `blocks.lowerBound`.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 4, for this call's own use.
/// - Complexity: reads each logit of these blocks from memory once; allocates nothing.
package func summarizeBlocks(
  ofRow row: UnsafeRawPointer, classCount: Int, blocks: Range<Int>,
  into summaries: UnsafeMutablePointer<BlockSummary>, scratch: UnsafeMutableRawPointer
) {
  for index in blocks {
    let first = index &* Geometry.blockLength
    let count = min(Geometry.blockLength, classCount &- first)
    let block = Block(row + first &* MemoryLayout<Float>.size, count: count, scratch: scratch)
    summaries[index &- blocks.lowerBound] = block.summary(firstClass: first)
  }
}

/// Folds the summaries of all blocks of a row, in ascending order.
///
/// - Parameters:
///   - blocks: one summary for each block of the row.
///   - row: the row itself, read again only where it holds a NaN, to find the first.
package func foldBlocks(
  _ blocks: UnsafePointer<BlockSummary>, ofRow row: UnsafeRawPointer, classCount: Int
) -> RowSummary {
  let count = blockCount(classCount: classCount)
  var best = 0
  var isNaN = blocks[0].sumOfOthers.isNaN
  var index = 1
  while index < count {
    if blocks[index].maximum > blocks[best].maximum { best = index }
    if blocks[index].sumOfOthers.isNaN { isNaN = true }
    index &+= 1
  }
  let maximum = blocks[best].maximum
  guard maximum.isFinite, !isNaN else {
    return summaryOfSpecialRow(row, classCount: classCount, maximum: maximum, holdsNaN: isNaN)
  }
  var sumOfOthers = blocks[best].sumOfOthers
  if count > 1 {
    sumOfOthers = 0
    index = 0
    while index < count {
      let weight = exponential(blocks[index].maximum - maximum)
      sumOfOthers += index == best ? blocks[index].sumOfOthers : weight + weight * blocks[index].sumOfOthers
      index &+= 1
    }
  }
  return RowSummary(maximum: maximum, logSum: logarithm(onePlus: sumOfOthers), argmax: blocks[best].argmax)
}

/// Summarises consecutive rows of f32 logits.
///
/// - Parameters:
///   - logits: `rowCount * classCount` floats, row-major; need not be aligned.
///   - blocks: room for `blockCount(classCount:)` block summaries, for this call's own use.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 4, for this call's own use.
///   - summaries: room for one summary a row.
package func summarizeRows(
  _ logits: UnsafeRawPointer, rowCount: Int, classCount: Int, blocks: UnsafeMutablePointer<BlockSummary>,
  scratch: UnsafeMutableRawPointer, into summaries: UnsafeMutablePointer<RowSummary>
) {
  guard classCount > Geometry.largestNarrowClassCount else {
    summarizeNarrowRows(logits, rowCount: rowCount, classCount: classCount, scratch: scratch, into: summaries)
    return
  }
  let rowByteCount = classCount &* MemoryLayout<Float>.size
  let blockRange = 0..<blockCount(classCount: classCount)
  for index in 0..<rowCount {
    let row = logits + index &* rowByteCount
    summarizeBlocks(ofRow: row, classCount: classCount, blocks: blockRange, into: blocks, scratch: scratch)
    summaries[index] = foldBlocks(blocks, ofRow: row, classCount: classCount)
  }
}

/// The summary of a row that has no finite maximum, or holds a NaN.
@inline(__always)
func summaryOfSpecialRow(_ row: UnsafeRawPointer, classCount: Int, maximum: Double, holdsNaN: Bool) -> RowSummary {
  if holdsNaN {
    return RowSummary(maximum: .nan, logSum: 0, argmax: firstClass(ofRow: row, classCount: classCount, isNaN: true))
  }
  let argmax = maximum > 0 ? firstClass(ofRow: row, classCount: classCount, isNaN: false) : 0
  return RowSummary(maximum: maximum, logSum: 0, argmax: argmax)
}

/// The first class whose logit is NaN, or else +infinity.
@inline(__always)
private func firstClass(ofRow row: UnsafeRawPointer, classCount: Int, isNaN: Bool) -> Int64 {
  for index in 0..<classCount {
    let value = logit(at: index, ofRow: row)
    if isNaN ? value.isNaN : value == .infinity { return Int64(index) }
  }
  return 0
}

@inline(__always)
func logit(at index: Int, ofRow row: UnsafeRawPointer) -> Float {
  row.loadUnaligned(fromByteOffset: index &* MemoryLayout<Float>.size, as: Float.self)
}
