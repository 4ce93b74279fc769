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
}

/// Asks for memory ahead while a column of sixteen rows is worked on: for as much as that takes. A whole group's lines at once are
/// more than the processor waits for at a time, and everything behind them would wait, too.
///
/// - Parameter rows: the first of the sixteen.
@inline(__always)
func prefetchAhead(of rows: UnsafeRawPointer, column index: Int, elementByteCount: Int) {
  let column = rows + index &* Geometry.laneCount &* elementByteCount
  var offset = 0
  while offset < Geometry.laneCount &* elementByteCount {
    prefetch(column + (offset &+ nearPrefetchByteCount))
    prefetchFar(column + (offset &+ farPrefetchByteCount))
    offset &+= 64
  }
}

/// Room for a copy of sixteen rows with some elements behind them.
let rowColumnsScratchByteCount =
  Geometry.laneCount * (Geometry.largestNarrowClassCount + 1) * MemoryLayout<Double>.size

/// Columns that may be written behind the last.
@inline(__always) var spareColumnCount: Int { 3 }

/// The second cache answers while this much is computed.
@inline(__always) private var nearPrefetchByteCount: Int { 8 << 10 }
