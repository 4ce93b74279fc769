/// Some groups of sixteen consecutive rows, each with memory of its own. What one group takes is a long chain, so each step is made
/// for all groups of a chunk before the next.
struct RowChunk {
  fileprivate let rows: Range<Int>
  fileprivate let memory: UnsafeMutableRawPointer
  fileprivate let groupByteCount: Int

  /// Makes a step, with each group's first row and memory.
  @inline(__always)
  func forEachGroup(_ step: (Int, UnsafeMutableRawPointer) -> Void) {
    var memory = memory
    var row = rows.lowerBound
    while row < rows.upperBound {
      step(row, memory)
      row &+= Geometry.laneCount
      memory += groupByteCount
    }
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
