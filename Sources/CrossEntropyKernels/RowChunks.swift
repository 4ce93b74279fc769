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

/// Cuts rows into chunks, as many groups in each as `byteCount` bytes of memory hold.
@inline(__always)
func forEachChunk(
  ofRows rowCount: Int, in memory: UnsafeMutableRawPointer, byteCount: Int, groupByteCount: Int,
  _ body: (RowChunk) -> Void
) {
  let rowsPerChunk = byteCount / groupByteCount &* Geometry.laneCount
  var first = 0
  while first < rowCount {
    let rows = first..<min(first &+ rowsPerChunk, rowCount)
    body(RowChunk(rows: rows, memory: memory, groupByteCount: groupByteCount))
    first = rows.upperBound
  }
}
