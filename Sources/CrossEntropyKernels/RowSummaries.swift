import CKernelShims

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
///   - scratch: `blockScratchByteCount` bytes, aligned to 4, for this call's own use.
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
  if isNaN { return RowSummary(maximum: .nan, logSum: 0, argmax: firstNaN(inRow: row, classCount: classCount)) }
  guard maximum.isFinite else {
    let argmax = maximum > 0 ? firstInfinity(inRow: row, classCount: classCount) : 0
    return RowSummary(maximum: maximum, logSum: 0, argmax: argmax)
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
///   - scratch: `blockScratchByteCount` bytes, aligned to 4, for this call's own use.
///   - summaries: room for one summary a row.
package func summarizeRows(
  _ logits: UnsafeRawPointer, rowCount: Int, classCount: Int, blocks: UnsafeMutablePointer<BlockSummary>,
  scratch: UnsafeMutableRawPointer, into summaries: UnsafeMutablePointer<RowSummary>
) {
  let rowByteCount = classCount &* MemoryLayout<Float>.size
  let blockRange = 0..<blockCount(classCount: classCount)
  for index in 0..<rowCount {
    let row = logits + index &* rowByteCount
    summarizeBlocks(ofRow: row, classCount: classCount, blocks: blockRange, into: blocks, scratch: scratch)
    summaries[index] = foldBlocks(blocks, ofRow: row, classCount: classCount)
  }
}

@inline(__always)
private func firstNaN(inRow row: UnsafeRawPointer, classCount: Int) -> Int64 {
  for index in 0..<classCount where logit(at: index, ofRow: row).isNaN { return Int64(index) }
  return 0
}

@inline(__always)
private func firstInfinity(inRow row: UnsafeRawPointer, classCount: Int) -> Int64 {
  for index in 0..<classCount where logit(at: index, ofRow: row) == .infinity { return Int64(index) }
  return 0
}

@inline(__always)
private func logit(at index: Int, ofRow row: UnsafeRawPointer) -> Float {
  row.loadUnaligned(fromByteOffset: index &* MemoryLayout<Float>.size, as: Float.self)
}
