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
  switch type {
  case XENT_LABEL_U8: read(UInt8.self, labels, count, classCount, ignored, classes)
  case XENT_LABEL_U16: read(UInt16.self, labels, count, classCount, ignored, classes)
  case XENT_LABEL_U32: read(UInt32.self, labels, count, classCount, ignored, classes)
  case XENT_LABEL_I32: read(Int32.self, labels, count, classCount, ignored, classes)
  default: read(Int64.self, labels, count, classCount, ignored, classes)
  }
}

@inline(__always)
private func read<Label: FixedWidthInteger & BitwiseCopyable>(
  _ type: Label.Type, _ labels: UnsafeRawPointer, _ count: Int, _ classCount: Int, _ ignored: Int64,
  _ classes: UnsafeMutablePointer<Int32>
) {
  let limit = UInt64(truncatingIfNeeded: classCount)
  for row in 0..<count {
    let label = Int64(
      truncatingIfNeeded: labels.loadUnaligned(fromByteOffset: row &* MemoryLayout<Label>.size, as: Label.self))
    let isGood = UInt64(bitPattern: label) < limit && label != ignored
    classes[row] = isGood ? Int32(truncatingIfNeeded: label) : -1
  }
  var row = count
  while row % Geometry.laneCount != 0 {
    classes[row] = -1
    row &+= 1
  }
}

/// Finishes the ordinary ones of consecutive rows: those with a good label and a loss that is finite, of which nothing is
/// asked but the cross-entropy, and which count once.
///
/// - Parameters:
///   - classes: each row's label, and -1 for none to the end of the last sixteen.
///   - summaries: of the rows, with the logits of their labels.
///   - largest: the largest loss that is taken for finite.
///   - losses: room for each row's loss, to the end of the last sixteen; that of a row that is not ordinary means nothing.
///   - ordinary: room for one bit a row, sixteen an element.
package func finishOrdinaryRows(
  count: Int, classes: UnsafePointer<Int32>, summaries: RowSummaries, largest: Double,
  losses: UnsafeMutablePointer<Double>, ordinary: UnsafeMutablePointer<UInt16>
) -> OrdinarySums {
  var total = WideLanes(repeating: 0)
  var lost = total
  var sums = OrdinarySums()
  var first = 0
  while first < count {
    let labels = UnsafeRawPointer(classes + first).load(as: SIMD16<Int32>.self)
    let labelLogits = UnsafeRawPointer(summaries.labelLogits + first).load(as: WideLanes.self)
    let maxima = UnsafeRawPointer(summaries.maxima + first).load(as: WideLanes.self)
    let logSums = UnsafeRawPointer(summaries.logSums + first).load(as: WideLanes.self)
    var loss = (maxima - labelLogits) + logSums
    UnsafeMutableRawPointer(losses + first).storeBytes(of: loss, as: WideLanes.self)
    let good = lanes(loss, areAtMost: WideLanes(repeating: largest)) & nonnegativeLanes(labels)
    let argmaxes = UnsafeRawPointer(summaries.argmaxes + first).load(as: SIMD16<Int32>.self)
    if good != .max {
      for lane in 0..<Geometry.laneCount where good & (1 &<< UInt16(truncatingIfNeeded: lane)) == 0 { loss[lane] = 0 }
    }
    // Knuth's two-sum.
    let next = total + loss
    let part = next - total
    lost = lost + ((total - (next - part)) + (loss - part))
    total = next
    sums.count &+= Int64(good.nonzeroBitCount)
    sums.correctCount &+= Int64((good & equalLanes(labels, argmaxes)).nonzeroBitCount)
    ordinary[first / Geometry.laneCount] = good
    first &+= Geometry.laneCount
  }
  (sums.total, sums.lost) = exactSum(total, lost)
  return sums
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
