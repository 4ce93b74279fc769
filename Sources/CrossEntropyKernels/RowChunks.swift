/// Some groups of sixteen consecutive rows, each with memory of its own. What one group takes is a long chain, so each step is made
/// for all groups of a chunk before the next.
struct RowChunk: Sequence, IteratorProtocol {
  private var row: Int
  private let end: Int
  private var memory: UnsafeMutableRawPointer
  private let groupByteCount: Int

  @inline(__always)
  fileprivate init(rows: Range<Int>, memory: UnsafeMutableRawPointer, groupByteCount: Int) {
    (row, end) = (rows.lowerBound, rows.upperBound)
    self.memory = memory
    self.groupByteCount = groupByteCount
  }

  /// A group's first row, and its memory.
  @inline(__always)
  mutating func next() -> (row: Int, memory: UnsafeMutableRawPointer)? {
    guard row < end else { return nil }
    defer {
      row &+= Geometry.laneCount
      memory += groupByteCount
    }
    return (row, memory)
  }
}

/// Cuts rows into chunks: as many groups as `chunkByteCount` bytes hold, but one at least.
///
/// - Parameters:
///   - memory: `chunkRoomByteCount` bytes.
///   - groupByteCount: what each group has of it.
@inline(__always)
func forEachChunk(
  ofRows rowCount: Int, in memory: UnsafeMutableRawPointer, groupByteCount: Int, _ body: (RowChunk) -> Void
) {
  let rowsPerChunk = max(1, chunkByteCount / groupByteCount) &* Geometry.laneCount
  var first = 0
  while first < rowCount {
    let rows = first..<min(first &+ rowsPerChunk, rowCount)
    body(RowChunk(rows: rows, memory: memory, groupByteCount: groupByteCount))
    first = rows.upperBound
  }
}

/// What several groups have at most: less than half of the first cache.
@inline(__always) private var chunkByteCount: Int { 12 << 10 }

/// Room for a chunk. One group may have more than several: two columns of each class, and a vector behind them.
@inline(__always) var chunkRoomByteCount: Int {
  (2 &* (Geometry.largestNarrowClassCount &+ spareColumnCount) &+ 1) &* MemoryLayout<WideLanes>.size
}

/// Room for a chunk, and behind it for rows that become columns, or for a row that is computed by itself.
let narrowScratchByteCount = chunkRoomByteCount + max(blockScratchByteCount, rowColumnsScratchByteCount)
