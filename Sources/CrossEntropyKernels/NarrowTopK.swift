import CKernelShims

/// Counts the rows of few classes that have fewer than `limit` logits greater than their label's, which is not -infinity: sixteen
/// side by side in the lanes, as in `NarrowRows.swift`.
///
/// - Parameters:
///   - logits: `rowCount * classCount` elements, row-major; need not be aligned.
///   - classCount: at most `largestNarrowClassCount`.
///   - classes: each row's class, less than 0 for none, to the end of the last sixteen.
///   - lanes: which rows count, one bit a row, sixteen an element. None of them holds a NaN.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 64, for this call's own use.
package func countNarrowRows(
  fewerThan limit: Int, logits: UnsafeRawPointer, format: LogitFormat, rowCount: Int, classCount: Int,
  classes: UnsafePointer<Int32>, lanes: UnsafePointer<UInt16>, scratch: UnsafeMutableRawPointer
) -> Int {
  @inline(__always) func count<Element: LogitElement>(_ type: Element.Type) -> Int {
    NarrowTopK<Element>(
      limit: Int32(truncatingIfNeeded: min(limit, classCount &+ 1)), rowCount: rowCount, classCount: classCount,
      columns: RowColumns(
        rows: logits, rowCount: rowCount, classCount: classCount, scratch: scratch + chunkRoomByteCount),
      classes: classes, lanes: lanes, scratch: scratch
    ).count
  }
  switch format {
  case XENT_FORMAT_F32: return count(F32Element.self)
  case XENT_FORMAT_F16: return count(F16Element.self)
  case XENT_FORMAT_F64: return count(F64Element.self)
  default: return count(BF16Element.self)
  }
}

private struct NarrowTopK<Element: LogitElement> {
  private typealias Numbers = Element.Numbers

  let limit: Int32
  let rowCount: Int
  let classCount: Int
  let columns: RowColumns<Element>
  let classes: UnsafePointer<Int32>
  let lanes: UnsafePointer<UInt16>
  let scratch: UnsafeMutableRawPointer

  var count: Int {
    let groupByteCount = (classCount &+ spareColumnCount) &* MemoryLayout<Numbers.Vector>.size
    var count = 0
    forEachChunk(ofRows: rowCount, in: scratch, groupByteCount: groupByteCount) { chunk in
      for (row, memory) in chunk { columns.load(from: row, into: memory) }
      for (row, memory) in chunk {
        count &+= (lanesInTop(row, memory) & lanes[row / Geometry.laneCount]).nonzeroBitCount
      }
    }
    return count
  }

  /// One bit for each of sixteen rows whose label is among the largest.
  @inline(__always)
  private func lanesInTop(_ first: Int, _ memory: UnsafeRawPointer) -> UInt16 {
    let labels = UnsafeRawPointer(classes + first).load(as: IntegerLanes.self)
    @inline(__always) func column(_ index: Int) -> Numbers.Vector {
      memory.load(fromByteOffset: index &* MemoryLayout<Numbers.Vector>.size, as: Numbers.Vector.self)
    }
    let lowest = Numbers.repeating(-.infinity)
    var labelLogits = lowest
    for index in 0..<classCount {
      let place = IntegerLanes(repeating: Int32(truncatingIfNeeded: index))
      labelLogits = Numbers.select(labels, equals: place, yes: column(index), no: labelLogits)
    }
    // Of greater logits, less the limit.
    var counts = IntegerLanes(repeating: 0 &- limit)
    for index in 0..<classCount {
      let next = xentAdd(counts, IntegerLanes(repeating: 1))
      counts = Numbers.select(column(index), isGreaterThan: labelLogits, yes: next, no: counts)
    }
    return ~nonnegativeLanes(counts) & Numbers.greaterLanes(labelLogits, lowest)
  }
}
