import CKernelShims

/// Room for the columns of sixteen narrow rows, and for a copy of the rows where there are fewer than sixteen.
let narrowScratchByteCount = 2 * Geometry.laneCount * Geometry.largestNarrowClassCount * MemoryLayout<Float>.size

/// Summarises rows of few classes: sixteen rows stand side by side in the lanes, so that nothing is summed across a
/// vector, and sixteen logarithms are taken at once. The last group is filled up with copies of its first row: a row's
/// bits do not depend on its place.
///
/// - Parameter scratch: `narrowScratchByteCount` bytes, for this call's own use.
@inline(__always)
func summarizeNarrowRows<Element: NarrowLogitElement, Kind: TransformKind>(
  of type: Element.Type, as kind: Kind.Type, _ logits: UnsafeRawPointer, rowCount: Int, classCount: Int,
  transform: LogitTransform, scratch: UnsafeMutableRawPointer, into summaries: UnsafeMutablePointer<RowSummary>
) {
  let rowByteCount = classCount &* Element.byteCount
  let spare = scratch + narrowScratchByteCount / 2
  var first = 0
  while first < rowCount {
    let count = min(Geometry.laneCount, rowCount &- first)
    var group = logits + first &* rowByteCount
    if count < Geometry.laneCount {
      for lane in 0..<Geometry.laneCount {
        let source = group + (lane < count ? lane &* rowByteCount : 0)
        (spare + lane &* rowByteCount).copyMemory(from: source, byteCount: rowByteCount)
      }
      group = UnsafeRawPointer(spare)
    }
    let rows = NarrowGroup<Element, Kind>(group, classCount: classCount, transform: transform, columns: scratch)
    rows.write(count: count, rows: group, columns: scratch, to: summaries + first)
    first &+= count
  }
}

/// Sixteen rows of few classes, computed.
private struct NarrowGroup<Element: NarrowLogitElement, Kind: TransformKind> {
  private let classCount: Int
  private let maxima: Lanes
  private let sums: WideLanes
  /// The class of each row's first maximum; classes are few, so floats hold them.
  private let argmaxes: Lanes
  private let logSums: WideLanes

  @inline(__always)
  init(_ rows: UnsafeRawPointer, classCount: Int, transform: LogitTransform, columns: UnsafeMutableRawPointer) {
    self.classCount = classCount
    var rawMaxima = Lanes(repeating: -.infinity)
    var argmaxes = Lanes(repeating: 0)
    var index = 0
    while index < classCount {
      let column = Element.loadColumn(rows + index &* Element.byteCount, stride: classCount &* Element.byteCount)
      columns.storeBytes(
        of: transform.applied(to: column, of: FloatArithmetic.self, as: Kind.self),
        toByteOffset: index &* Geometry.vectorByteCount, as: Lanes.self)
      argmaxes = select(column, isGreaterThan: rawMaxima, yes: Lanes(repeating: Float(index)), no: argmaxes)
      rawMaxima = larger(column, rawMaxima)
      index &+= 1
    }
    let maxima = transform.applied(to: rawMaxima, of: FloatArithmetic.self, as: Kind.self)
    let references = LaneReferences(maxima: maxima)
    var sums = WideLanes(repeating: 0)
    index = 0
    while index < classCount {
      let column = columns.load(fromByteOffset: index &* Geometry.vectorByteCount, as: Lanes.self)
      let others = select(
        argmaxes, equals: Lanes(repeating: Float(index)), yes: Lanes(repeating: -.infinity), no: column)
      addScaled(
        scaledExponentials(of: others - references.centers, magic: references.magics, floor: references.floors),
        to: &sums)
      index &+= 1
    }
    sums = sums * references.scales(maxima: maxima)
    self.maxima = maxima
    self.argmaxes = argmaxes
    self.sums = sums
    logSums = logarithms(onePlus: sums)
  }

  /// - Parameters:
  ///   - rows: the rows themselves, looked at again where one is not ordinary.
  ///   - columns: room for the answers, lane by lane: taking lanes out of registers one at a time would be slower.
  @inline(__always)
  func write(
    count: Int, rows: UnsafeRawPointer, columns: UnsafeMutableRawPointer,
    to summaries: UnsafeMutablePointer<RowSummary>
  ) {
    columns.storeBytes(of: logSums, as: WideLanes.self)
    columns.storeBytes(of: widened(maxima), toByteOffset: 128, as: WideLanes.self)
    columns.storeBytes(of: argmaxes, toByteOffset: 256, as: Lanes.self)
    let ordinary = ordinaryLanes(maxima: maxima, sums: sums)
    for lane in 0..<count {
      let maximum = columns.load(fromByteOffset: 128 &+ lane &* 8, as: Double.self)
      guard ordinary & (1 &<< UInt16(truncatingIfNeeded: lane)) != 0 else {
        let row = rows + lane &* classCount &* Element.byteCount
        summaries[lane] = summaryOfSpecialRow(
          of: Element.self, row, classCount: classCount, maximum: maximum, holdsNaN: holdsNaN(row))
        continue
      }
      summaries[lane] = RowSummary(
        maximum: maximum, logSum: columns.load(fromByteOffset: lane &* 8, as: Double.self),
        argmax: Int64(columns.load(fromByteOffset: 256 &+ lane &* 4, as: Float.self)))
    }
  }

  @inline(__always)
  private func holdsNaN(_ row: UnsafeRawPointer) -> Bool {
    for index in 0..<classCount where Element.element(index, of: row).isNaN { return true }
    return false
  }
}
