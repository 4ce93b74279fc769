import CKernelShims

/// Reads integer labels.
///
/// - Parameters:
///   - labels: the first of them; need not be aligned.
///   - type: `XENT_LABEL_U8` or another.
///   - ignored: a label that is not good; any that is none for none.
///   - classes: room for one class a row, to the end of the last sixteen: -1 where the label is not a class or ignored, and
///     behind the last row.
package func readClasses(
  _ labels: UnsafeRawPointer, type: IntegerLabelFormat, count: Int, classCount: Int, ignored: Int64,
  into classes: UnsafeMutablePointer<Int32>
) {
  let limit = Int64(classCount)
  switch type {
  case XENT_LABEL_U8:
    read(UInt8.self, labels, count, classes) { CKernelShims.classes(u8: $0, limit: limit, ignored: ignored) }
  case XENT_LABEL_U16:
    read(UInt16.self, labels, count, classes) { CKernelShims.classes(u16: $0, limit: limit, ignored: ignored) }
  case XENT_LABEL_U32:
    read(UInt32.self, labels, count, classes) { CKernelShims.classes(u32: $0, limit: limit, ignored: ignored) }
  case XENT_LABEL_I32:
    read(Int32.self, labels, count, classes) { CKernelShims.classes(i32: $0, limit: limit, ignored: ignored) }
  default:
    read(Int64.self, labels, count, classes) { CKernelShims.classes(i64: $0, limit: limit, ignored: ignored) }
  }
}

/// - Parameter sixteen: reads sixteen labels.
@inline(__always)
private func read<Label: FixedWidthInteger & BitwiseCopyable>(
  _ type: Label.Type, _ labels: UnsafeRawPointer, _ count: Int, _ classes: UnsafeMutablePointer<Int32>,
  sixteen: (UnsafeRawPointer) -> IntegerLanes
) {
  var row = 0
  while row &+ Geometry.laneCount <= count {
    UnsafeMutableRawPointer(classes + row).storeBytes(
      of: sixteen(labels + row &* MemoryLayout<Label>.size), as: IntegerLanes.self)
    row &+= Geometry.laneCount
  }
  guard row < count else { return }
  var last = SIMD16<Int64>(repeating: 0)  // room for sixteen of any type
  withUnsafeMutableBytes(of: &last) {
    $0.baseAddress!.copyMemory(
      from: labels + row &* MemoryLayout<Label>.size, byteCount: (count &- row) &* MemoryLayout<Label>.size)
  }
  var read = withUnsafeBytes(of: &last) { sixteen($0.baseAddress!) }
  for lane in (count &- row)..<Geometry.laneCount { read[lane] = -1 }
  UnsafeMutableRawPointer(classes + row).storeBytes(of: read, as: IntegerLanes.self)
}

/// Finishes the ordinary ones of consecutive rows: those with a good label and a loss that is finite, of which nothing is
/// asked but the cross-entropy, and which count once.
///
/// - Parameters:
///   - classes: each row's label, and -1 for none to the end of the last sixteen.
///   - summaries: of the rows, with the logits of their labels.
///   - largest: the largest loss that is taken for finite.
///   - losses: where each row's loss goes, as f64 or f32, if it is asked for; that of a row that is not ordinary means nothing.
///   - ordinary: room for one bit a row, sixteen an element.
package func finishOrdinaryRows(
  count: Int, classes: UnsafePointer<Int32>, summaries: RowSummaries, largest: Double,
  losses: UnsafeMutableRawPointer?, areFloat64: Bool, ordinary: UnsafeMutablePointer<UInt16>
) -> OrdinarySums {
  var total = WideLanes(repeating: 0)
  var lost = total
  var sums = OrdinarySums()
  var first = 0
  while first < count {
    let labels = UnsafeRawPointer(classes + first).load(as: IntegerLanes.self)
    let labelLogits = UnsafeRawPointer(summaries.labelLogits + first).load(as: WideLanes.self)
    let maxima = UnsafeRawPointer(summaries.maxima + first).load(as: WideLanes.self)
    let logSums = UnsafeRawPointer(summaries.logSums + first).load(as: WideLanes.self)
    var loss = (maxima - labelLogits) + logSums
    if let losses {
      let (place, room) = (losses + first &* (areFloat64 ? 8 : 4), count &- first)
      if areFloat64 { write(loss, to: place, room) } else { write(narrowed(loss), to: place, room) }
    }
    let good = lanes(loss, areAtMost: WideLanes(repeating: largest)) & nonnegativeLanes(labels)
    let argmaxes = UnsafeRawPointer(summaries.argmaxes + first).load(as: IntegerLanes.self)
    if good != .max {
      for lane in 0..<Geometry.laneCount where good & (1 &<< UInt16(truncatingIfNeeded: lane)) == 0 { loss[lane] = 0 }
    }
    let next = twoSum(total, loss)
    total = next.sum
    lost = lost + next.lost
    sums.count &+= Int64(good.nonzeroBitCount)
    sums.correctCount &+= Int64((good & equalLanes(labels, argmaxes)).nonzeroBitCount)
    ordinary[first / Geometry.laneCount] = good
    first &+= Geometry.laneCount
  }
  (sums.total, sums.lost) = exactSum(total, lost)
  return sums
}

/// Writes sixteen elements, or as many as there is room for.
@inline(__always)
private func write<Vector: SIMD & BitwiseCopyable>(_ vector: Vector, to place: UnsafeMutableRawPointer, _ room: Int)
where Vector.Scalar: BitwiseCopyable {
  guard room < Geometry.laneCount else { return place.storeBytes(of: vector, as: Vector.self) }
  for lane in 0..<room {
    place.storeBytes(of: vector[lane], toByteOffset: lane &* MemoryLayout<Vector.Scalar>.size, as: Vector.Scalar.self)
  }
}

/// The sum over all lanes, and what its additions round away.
@inline(__always)
private func exactSum(_ total: WideLanes, _ lost: WideLanes) -> (total: Double, lost: Double) {
  var result = (total: 0.0, lost: sum(lost))
  for lane in 0..<Geometry.laneCount {
    let next = twoSum(result.total, total[lane])
    result = (next.sum, result.lost + next.lost)
  }
  return result
}
