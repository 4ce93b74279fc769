import CKernelShims

/// Rows of few classes: sixteen stand side by side in the lanes, so that nothing is summed across a vector, and sixteen
/// logarithms are taken at once.
extension ShortRows {
  private typealias Numbers = Element.Numbers

  // What a group has of a chunk: its columns, and its maxima after the transform.
  private var vectorByteCount: Int { MemoryLayout<Numbers.Vector>.size }
  private var columnsByteCount: Int { (classCount &+ spareColumnCount) &* vectorByteCount }
  private var groupByteCount: Int { columnsByteCount &+ vectorByteCount }

  func summarizeInLanes() {
    forEachChunk(ofRows: rowCount, in: scratch, groupByteCount: groupByteCount) { chunk in
      for (row, memory) in chunk where !areLeftOut(from: row) { loadColumns(row, memory) }
      for (row, memory) in chunk where !areLeftOut(from: row) { findMaxima(row, memory) }
      for (row, memory) in chunk where !areLeftOut(from: row) { sumExponentials(row, memory) }
      for (row, memory) in chunk where !areLeftOut(from: row) { takeLogarithms(row, memory) }
    }
  }

  @inline(__always)
  private func transformed(_ logits: Numbers.Vector) -> Numbers.Vector {
    transform.applied(to: logits, of: Numbers.self, as: Kind.self)
  }

  // MARK: Maxima

  /// A step of its own: columns are stored in parts and loaded whole, and such a load waits for its stores.
  @inline(__always)
  private func loadColumns(_ first: Int, _ memory: UnsafeMutableRawPointer) {
    RowColumns<Element>(rows: logits, rowCount: rowCount, classCount: classCount, scratch: scratch + chunkRoomByteCount)
      .load(from: first, into: memory)
  }

  @inline(__always)
  private func column(_ index: Int, _ memory: UnsafeMutableRawPointer) -> Numbers.Vector {
    memory.load(fromByteOffset: index &* vectorByteCount, as: Numbers.Vector.self)
  }

  /// Of the columns, one less than there were is left: in each lane the maximum is taken out where it first stands, as it adds nothing to
  /// the row's sum. A NaN in the first column becomes the maximum, others are left.
  @inline(__always)
  private func findMaxima(_ first: Int, _ memory: UnsafeMutableRawPointer) {
    var maxima = column(0, memory)
    var argmaxes = IntegerLanes(repeating: 0)
    var labelLogits = maxima
    let selectsLabels = classes != nil && classCount <= largestSelectedClassCount
    let labels = selectsLabels ? UnsafeRawPointer(classes! + first).load(as: IntegerLanes.self) : argmaxes
    var place = IntegerLanes(repeating: 1)
    prefetchAhead(of: row(first), column: 0, elementByteCount: Element.byteCount)
    for index in 1..<classCount {
      prefetchAhead(of: row(first), column: index, elementByteCount: Element.byteCount)
      let column = column(index, memory)
      let smaller = Numbers.smaller(maxima, column)
      memory.storeBytes(of: smaller, toByteOffset: (index &- 1) &* vectorByteCount, as: Numbers.Vector.self)
      argmaxes = Numbers.select(column, isGreaterThan: maxima, yes: place, no: argmaxes)
      maxima = Numbers.larger(column, maxima)
      if selectsLabels { labelLogits = Numbers.select(labels, equals: place, yes: column, no: labelLogits) }
      place = xentAdd(place, IntegerLanes(repeating: 1))
    }
    maxima = transformed(maxima)
    memory.storeBytes(of: maxima, toByteOffset: columnsByteCount, as: Numbers.Vector.self)
    UnsafeMutableRawPointer(summaries.maxima + first).storeBytes(of: Numbers.widened(maxima), as: WideLanes.self)
    UnsafeMutableRawPointer(summaries.argmaxes + first).storeBytes(of: argmaxes, as: IntegerLanes.self)
    if selectsLabels {
      UnsafeMutableRawPointer(summaries.labelLogits + first).storeBytes(
        of: Numbers.widened(transformed(labelLogits)), as: WideLanes.self)
    } else if let classes {
      for row in first..<min(first &+ Geometry.laneCount, rowCount) { storeLabelLogit(of: row, class: classes[row]) }
    }
  }

  // MARK: Sums

  /// Stores the sums in the place of the first columns, which are done with.
  @inline(__always)
  private func sumExponentials(_ first: Int, _ memory: UnsafeMutableRawPointer) {
    let maxima = memory.load(fromByteOffset: columnsByteCount, as: Numbers.Vector.self)
    let columns = memory.assumingMemoryBound(to: Numbers.Vector.self)
    @inline(__always) func other(_ logits: Numbers.Vector) -> Numbers.Vector {
      Kind.caps ? logits : transformed(logits)
    }
    // As blocks do.
    if Kind.caps { for index in 0..<classCount &- 1 { columns[index] = transformed(columns[index]) } }
    // Of two classes one is left, and the compiler makes something short of a sum of one.
    memory.assumingMemoryBound(to: LaneSums.self).pointee =
      classCount == 2
      ? Numbers.sums(maxima: maxima, count: 1, columns: columns, other)
      : Numbers.sums(maxima: maxima, count: classCount &- 1, columns: columns, other)
  }

  // MARK: Logarithms

  @inline(__always)
  private func takeLogarithms(_ first: Int, _ memory: UnsafeMutableRawPointer) {
    let sums = memory.assumingMemoryBound(to: LaneSums.self).pointee
    let maxima = memory.load(fromByteOffset: columnsByteCount, as: Numbers.Vector.self)
    UnsafeMutableRawPointer(summaries.logSums + first).storeBytes(of: Numbers.logSums(sums), as: WideLanes.self)
    guard !Numbers.areOrdinary(maxima: maxima, scaledSums: sums.others, count: classCount &- 1) else { return }
    mend(first, Numbers.ordinaryLanes(maxima: maxima, scaledSums: sums.others, count: classCount &- 1))
  }

  /// Computes rows by themselves that have no finite maximum, or a very large one, hold a NaN, or have a sum too small for its
  /// terms to be all there.
  @inline(never)
  private func mend(_ first: Int, _ ordinary: UInt16) {
    for index in first..<min(first &+ Geometry.laneCount, rowCount)
    where ordinary & (1 &<< UInt16(truncatingIfNeeded: index &- first)) == 0 {
      let row = row(index)
      // Behind the chunk: the other groups' columns are done with, but not their maxima.
      let room = scratch + chunkRoomByteCount
      var summary = BlockSummary()
      Blocks<Element, Kind>(
        elements: row, length: classCount, elementCount: classCount, readableCount: classCount, transform: transform,
        scratch: room
      ).summarize(into: &summary)
      summaries.store(fold(&summary, count: 1, ofRow: row, of: Element.self, classCount: classCount), at: index)
    }
  }
}

/// Up to this many classes the logit of the label is selected column by column; for more, it is loaded from each row.
@inline(__always) private var largestSelectedClassCount: Int { 24 }
