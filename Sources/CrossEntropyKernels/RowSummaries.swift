import CKernelShims

/// Bytes that a worker lends to the functions here for their own use.
package let kernelScratchByteCount = max(oneBlockScratchByteCount, narrowScratchByteCount, classSumScratchByteCount)

/// Logits in one block, of which the last of a row may have fewer.
package let blockLength = Geometry.blockLength

/// Rows of at most this many classes stand in lanes, sixteen side by side.
package let largestNarrowClassCount = Geometry.largestNarrowClassCount

/// The number of blocks in a row of `classCount` logits.
package func blockCount(classCount: Int) -> Int {
  (classCount &+ Geometry.blockLength &- 1) / Geometry.blockLength
}

/// Summarises consecutive blocks of one row.
///
/// - Parameters:
///   - row: the row's first logit; need not be aligned.
///   - format: the type of the logits: `XENT_FORMAT_F32` or another.
///   - classCount: the row's number of logits.
///   - transform: what is done to each logit first.
///   - blocks: which blocks of the row.
///   - summaries: room for one summary a block, the first for `blocks.lowerBound`.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 64, for this call's own use.
/// - Complexity: reads each logit of these blocks from memory once; allocates nothing.
package func summarizeBlocks(
  ofRow row: UnsafeRawPointer, format: LogitFormat, classCount: Int, transform: LogitTransform, blocks: Range<Int>,
  into summaries: UnsafeMutablePointer<BlockSummary>, scratch: UnsafeMutableRawPointer
) {
  if transform.softcap != 0 {
    summarizeBlocks(as: Capped.self, row, format, classCount, transform, blocks, summaries, scratch)
  } else if transform.temperature != 1 {
    summarizeBlocks(as: Divided.self, row, format, classCount, transform, blocks, summaries, scratch)
  } else {
    summarizeBlocks(as: Untransformed.self, row, format, classCount, transform, blocks, summaries, scratch)
  }
}

@inline(__always)
private func summarizeBlocks<Kind: TransformKind>(
  as kind: Kind.Type, _ row: UnsafeRawPointer, _ format: LogitFormat, _ classCount: Int, _ transform: LogitTransform,
  _ blocks: Range<Int>, _ summaries: UnsafeMutablePointer<BlockSummary>, _ scratch: UnsafeMutableRawPointer
) {
  switch format {
  case XENT_FORMAT_F32: summarize(F32Element.self, kind, row, classCount, transform, blocks, summaries, scratch)
  case XENT_FORMAT_F16: summarize(F16Element.self, kind, row, classCount, transform, blocks, summaries, scratch)
  case XENT_FORMAT_F64: summarize(F64Element.self, kind, row, classCount, transform, blocks, summaries, scratch)
  default: summarize(BF16Element.self, kind, row, classCount, transform, blocks, summaries, scratch)
  }
}

@inline(__always)
private func summarize<Element: LogitElement, Kind: TransformKind>(
  _ type: Element.Type, _ kind: Kind.Type, _ row: UnsafeRawPointer, _ classCount: Int, _ transform: LogitTransform,
  _ blocks: Range<Int>, _ summaries: UnsafeMutablePointer<BlockSummary>, _ scratch: UnsafeMutableRawPointer
) {
  let blocksAtOnce = Blocks<Element, Kind>.countAtOnce(length: Geometry.blockLength)
  var index = blocks.lowerBound
  while index < blocks.upperBound {
    let end = min(index &+ blocksAtOnce, blocks.upperBound)
    let (first, last) = (index &* Geometry.blockLength, min(end &* Geometry.blockLength, classCount))
    let group = Blocks<Element, Kind>(
      elements: row + first &* Element.byteCount, length: Geometry.blockLength, elementCount: last &- first,
      readableCount: classCount &- first, transform: transform, scratch: scratch)
    let summaries = summaries + (index &- blocks.lowerBound)
    group.summarize(into: summaries)
    for block in 0..<end &- index { summaries[block].argmax &+= Int64(first &+ block &* Geometry.blockLength) }
    index = end
  }
}

/// Folds the summaries of all blocks of a row, in ascending order.
///
/// - Parameters:
///   - blocks: one summary for each block of the row.
///   - row: the row itself, read again only where it has no finite maximum, or holds a NaN.
package func foldBlocks(
  _ blocks: UnsafePointer<BlockSummary>, ofRow row: UnsafeRawPointer, format: LogitFormat, classCount: Int
) -> RowSummary {
  let count = blockCount(classCount: classCount)
  switch format {
  case XENT_FORMAT_F32: return fold(blocks, count: count, ofRow: row, of: F32Element.self, classCount: classCount)
  case XENT_FORMAT_F16: return fold(blocks, count: count, ofRow: row, of: F16Element.self, classCount: classCount)
  case XENT_FORMAT_F64: return fold(blocks, count: count, ofRow: row, of: F64Element.self, classCount: classCount)
  default: return fold(blocks, count: count, ofRow: row, of: BF16Element.self, classCount: classCount)
  }
}

/// The bytes of one logit.
@inline(__always)
func byteCount(of format: LogitFormat) -> Int {
  switch format {
  case XENT_FORMAT_F32: F32Element.byteCount
  case XENT_FORMAT_F64: F64Element.byteCount
  default: F16Element.byteCount
  }
}

/// Summarises consecutive rows.
///
/// - Parameters:
///   - logits: `rowCount * classCount` elements, row-major; need not be aligned.
///   - format: the type of the logits: `XENT_FORMAT_F32` or another.
///   - transform: what is done to each logit first.
///   - classes: each row's class, less than 0 for none, to the end of the last sixteen, where the logits of the labels are asked
///     for.
///   - leavesOut: whether rows without a class need no summary.
///   - blocks: room for `blockCount(classCount:)` block summaries, for this call's own use.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 64, for this call's own use.
///   - summaries: room for one summary a row, and to the end of the last sixteen.
package func summarizeRows(
  _ logits: UnsafeRawPointer, format: LogitFormat, rowCount: Int, classCount: Int, transform: LogitTransform,
  classes: UnsafePointer<Int32>?, leavesOut: Bool, blocks: UnsafeMutablePointer<BlockSummary>,
  scratch: UnsafeMutableRawPointer, into summaries: RowSummaries
) {
  let rowByteCount = classCount &* byteCount(of: format)
  if classCount <= Geometry.blockLength {
    summarizeShortRows(logits, format, rowCount, classCount, transform, classes, leavesOut, scratch, summaries)
  } else {
    let blockRange = 0..<blockCount(classCount: classCount)
    for index in 0..<rowCount {
      if leavesOut, let classes, classes[index] < 0 { continue }
      let row = logits + index &* rowByteCount
      summarizeBlocks(
        ofRow: row, format: format, classCount: classCount, transform: transform, blocks: blockRange, into: blocks,
        scratch: scratch)
      summaries.store(foldBlocks(blocks, ofRow: row, format: format, classCount: classCount), at: index)
      if let classes {
        let labelLogit = logit(max(0, Int(classes[index])), ofRow: row, format: format)
        summaries.labelLogits[index] = transformed(labelLogit, format: format, by: transform)
      }
    }
  }
}

@inline(__always)
private func logit(_ index: Int, ofRow row: UnsafeRawPointer, format: LogitFormat) -> Double {
  switch format {
  case XENT_FORMAT_F32: F32Element.element(index, of: row)
  case XENT_FORMAT_F16: F16Element.element(index, of: row)
  case XENT_FORMAT_F64: F64Element.element(index, of: row)
  default: BF16Element.element(index, of: row)
  }
}

extension RowSummaries {
  @inline(__always)
  func store(_ summary: RowSummary, at index: Int) {
    maxima[index] = summary.maximum
    logSums[index] = summary.logSum
    argmaxes[index] = Int32(truncatingIfNeeded: summary.argmax)
  }
}

/// The summary of a row that has no finite maximum, or holds a NaN.
///
/// - Parameter maximum: after the transform.
@inline(__always)
func summaryOfSpecialRow<Element: LogitElement>(
  of type: Element.Type, _ row: UnsafeRawPointer, classCount: Int, maximum: Double, holdsNaN: Bool
) -> RowSummary {
  var argmax = 0
  var largest = -Double.infinity
  for index in 0..<classCount {
    let value = Element.element(index, of: row)
    guard holdsNaN ? value.isNaN : value > largest else { continue }
    argmax = index
    largest = value
    if holdsNaN { break }
  }
  return RowSummary(maximum: holdsNaN ? .nan : maximum, logSum: 0, argmax: Int64(argmax))
}
