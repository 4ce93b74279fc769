import CKernelShims

/// Consecutive blocks, of one row or of a row each, that are summarised together: each step is made for all of them before the
/// next. Only so has a processor something to do while one step's result, which is the end of a long chain, is not there.
struct Blocks<Element: LogitElement, Kind: TransformKind> {
  let elements: UnsafeRawPointer
  /// Elements in each block; the last may have fewer.
  let length: Int
  /// Elements in all blocks, of which there are at most `blocksAtOnce`.
  let elementCount: Int
  /// Elements that may be read from the first block's first on.
  let readableCount: Int
  let transform: LogitTransform
  /// `blockScratchByteCount` bytes, aligned to 64.
  let scratch: UnsafeMutableRawPointer

  /// How many blocks to summarise together: what is read twice should still be in the first cache the second time.
  @inline(__always)
  static func countAtOnce(length: Int) -> Int {
    max(1, min(blocksAtOnce, (16 << 10) / (length &* Element.byteCount)))
  }

  @inline(__always)
  private var count: Int { (elementCount &+ length &- 1) / length }

  @inline(__always)
  private func block(_ index: Int) -> Block<Element, Kind> {
    let first = index &* length
    return Block(
      elements + first &* Element.byteCount, count: min(length, elementCount &- first), transform: transform,
      place: index, scratch: scratch)
  }

  /// - Parameter summaries: room for one a block, whose `argmax` is a position in the block.
  @inline(__always)
  func summarize(into summaries: UnsafeMutablePointer<BlockSummary>) {
    search(summaries)
    sum(summaries)
  }

  // Not inlined: they are compiled for each type of logits and kind of transform, and long.

  @inline(never)
  private func search(_ summaries: UnsafeMutablePointer<BlockSummary>) {
    for index in 0..<count { block(index).findLaneMaxima(readableCount: readableCount &- index &* length) }
    for index in 0..<count {
      let peak = block(index).findPeak()
      summaries[index].rawMaximum = peak.rawMaximum
      summaries[index].maximum = peak.maximum
      summaries[index].argmax = Int64(peak.position)
    }
  }

  @inline(never)
  private func sum(_ summaries: UnsafeMutablePointer<BlockSummary>) {
    @inline(__always) func peak(_ index: Int) -> Block<Element, Kind>.Peak {
      (summaries[index].rawMaximum, summaries[index].maximum, Int(summaries[index].argmax))
    }
    for index in 0..<count { block(index).sumLanes(peak(index)) }
    for index in 0..<count { summaries[index] = block(index).summary(peak(index)) }
  }
}
