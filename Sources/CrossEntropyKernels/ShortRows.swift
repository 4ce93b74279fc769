import CKernelShims

/// Consecutive rows that are one block at most.
struct ShortRows<Element: LogitElement, Kind: TransformKind> {
  let logits: UnsafeRawPointer
  let rowCount: Int
  let classCount: Int
  let transform: LogitTransform
  /// Each row's class, less than 0 for none, to the end of the last sixteen, where the logits of the labels are asked for.
  let classes: UnsafePointer<Int32>?
  /// Whether rows without a class need no summary. Of those that stand in lanes, one beside a row with a class has one.
  let leavesOut: Bool
  /// `kernelScratchByteCount` bytes.
  let scratch: UnsafeMutableRawPointer
  let summaries: RowSummaries

  @inline(__always)
  func row(_ index: Int) -> UnsafeRawPointer { logits + index &* classCount &* Element.byteCount }

  @inline(__always)
  func isLeftOut(_ index: Int) -> Bool {
    guard leavesOut, let classes else { return false }
    return classes[index] < 0
  }

  /// Whether none of sixteen rows that stand in lanes needs a summary.
  @inline(__always)
  func areLeftOut(from first: Int) -> Bool {
    guard leavesOut, let classes else { return false }
    return nonnegativeLanes(UnsafeRawPointer(classes + first).load(as: IntegerLanes.self)) == 0
  }

  /// - Parameter label: the row's class, less than 0 for none.
  @inline(__always)
  func storeLabelLogit(of index: Int, class label: Int32) {
    summaries.labelLogits[index] = transform.applied(
      to: Element.element(max(0, Int(label)), of: row(index)), of: Element.Numbers.self, as: Kind.self)
  }
}

/// Summarises rows as `summarizeRows` does: in lanes where the classes are few, else as blocks.
@inline(__always)
func summarizeShortRows(
  _ logits: UnsafeRawPointer, _ format: LogitFormat, _ rowCount: Int, _ classCount: Int, _ transform: LogitTransform,
  _ classes: UnsafePointer<Int32>?, _ leavesOut: Bool, _ scratch: UnsafeMutableRawPointer, _ summaries: RowSummaries
) {
  if transform.softcap != 0 {
    summarizeShortRows(
      Capped.self, logits, format, rowCount, classCount, transform, classes, leavesOut, scratch, summaries)
  } else if transform.temperature != 1 {
    summarizeShortRows(
      Divided.self, logits, format, rowCount, classCount, transform, classes, leavesOut, scratch, summaries)
  } else {
    summarizeShortRows(
      Untransformed.self, logits, format, rowCount, classCount, transform, classes, leavesOut, scratch, summaries)
  }
}

@inline(__always)
private func summarizeShortRows<Kind: TransformKind>(
  _ kind: Kind.Type, _ logits: UnsafeRawPointer, _ format: LogitFormat, _ rowCount: Int, _ classCount: Int,
  _ transform: LogitTransform, _ classes: UnsafePointer<Int32>?, _ leavesOut: Bool,
  _ scratch: UnsafeMutableRawPointer, _ summaries: RowSummaries
) {
  @inline(__always) func summarize<Element: LogitElement>(_ type: Element.Type) {
    let rows = ShortRows<Element, Kind>(
      logits: logits, rowCount: rowCount, classCount: classCount, transform: transform, classes: classes,
      leavesOut: leavesOut, scratch: scratch, summaries: summaries)
    if classCount <= Geometry.largestNarrowClassCount { rows.summarizeInLanes() } else { rows.summarizeAsBlocks() }
  }
  switch format {
  case XENT_FORMAT_F32: summarize(F32Element.self)
  case XENT_FORMAT_F16: summarize(F16Element.self)
  case XENT_FORMAT_F64: summarize(F64Element.self)
  default: summarize(BF16Element.self)
  }
}
