import CKernelShims

/// Consecutive rows of few elements, sixteen of which at a time become columns: a row a lane.
struct RowColumns<Element: LogitElement> {
  let rows: UnsafeRawPointer
  let rowCount: Int
  let classCount: Int
  /// `rowColumnsScratchByteCount` bytes.
  let scratch: UnsafeMutableRawPointer

  private var rowByteCount: Int { classCount &* Element.byteCount }

  /// Writes the columns of sixteen rows as vectors one behind the other; up to three columns more than there are.
  @inline(__always)
  func load(from first: Int, into columns: UnsafeMutableRawPointer) {
    prefetchRows(behind: first)
    Element.loadColumns(sixteen(from: first), classCount: classCount, into: columns)
  }

  /// Sixteen rows. The last are a copy, filled up with copies of their first: a row's bits do not depend on its place, and
  /// nothing is read behind the last row.
  @inline(__always)
  private func sixteen(from first: Int) -> UnsafeRawPointer {
    let rows = rows + first &* rowByteCount
    let behind = (rowCount &- first &- Geometry.laneCount) &* classCount
    guard behind < elementsReadBehindRows(classCount: classCount) else { return rows }
    let count = min(Geometry.laneCount, rowCount &- first)
    scratch.copyMemory(from: rows, byteCount: count &* rowByteCount)
    for lane in count..<Geometry.laneCount {
      (scratch + lane &* rowByteCount).copyMemory(from: rows, byteCount: rowByteCount)
    }
    return UnsafeRawPointer(scratch)
  }

  /// Has as many rows as a group read, some groups ahead.
  @inline(__always)
  private func prefetchRows(behind first: Int) {
    let group = rows + first &* rowByteCount
    var offset = 0
    while offset < Geometry.laneCount &* rowByteCount {
      prefetch(group + (offset &+ nearPrefetchByteCount))
      prefetchFar(group + (offset &+ farPrefetchByteCount))
      offset &+= 64
    }
  }
}

/// Room for a copy of sixteen rows with some elements behind them.
let rowColumnsScratchByteCount =
  Geometry.laneCount * (Geometry.largestNarrowClassCount + 1) * MemoryLayout<Double>.size

/// Columns that may be written behind the last.
@inline(__always) var spareColumnCount: Int { 3 }

/// The second cache answers while this much is computed.
@inline(__always) private var nearPrefetchByteCount: Int { 4 << 10 }
