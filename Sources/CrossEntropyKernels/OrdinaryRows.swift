import CKernelShims

/// Reads integer labels.
///
/// - Parameters:
///   - labels: the first of them; need not be aligned.
///   - type: `XENT_LABEL_U8` or another.
///   - ignored: the label of rows that are ignored, if there are any.
///   - classes: room for one class a row, to the end of the last sixteen: `ignoredClass` where the row is ignored, else -1 where
///     the label is not a class, and behind the last row.
package func readClasses(
  _ labels: UnsafeRawPointer, type: IntegerLabelFormat, count: Int, classCount: Int, ignored: Int64?,
  into classes: UnsafeMutablePointer<Int32>
) {
  let limit = Int64(classCount)
  let (value, ignores) = (ignored ?? 0, ignored != nil)
  switch type {
  case XENT_LABEL_U8:
    read(UInt8.self, labels, count, classes) {
      CKernelShims.classes(u8: $0, limit: limit, ignored: value, ignores: ignores)
    }
  case XENT_LABEL_U16:
    read(UInt16.self, labels, count, classes) {
      CKernelShims.classes(u16: $0, limit: limit, ignored: value, ignores: ignores)
    }
  case XENT_LABEL_U32:
    read(UInt32.self, labels, count, classes) {
      CKernelShims.classes(u32: $0, limit: limit, ignored: value, ignores: ignores)
    }
  case XENT_LABEL_I32:
    read(Int32.self, labels, count, classes) {
      CKernelShims.classes(i32: $0, limit: limit, ignored: value, ignores: ignores)
    }
  default:
    read(Int64.self, labels, count, classes) {
      CKernelShims.classes(i64: $0, limit: limit, ignored: value, ignores: ignores)
    }
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

/// Finishes the ordinary ones of consecutive rows, for which the logits need not be looked at again: those with a good label, a
/// good weight and a loss that is finite, and those that are ignored.
///
/// - Parameters:
///   - classes: each row's label, `ignoredClass`, or -1 for none, to the end of the last sixteen.
///   - summaries: of the rows, with the logits of their labels if those count.
///   - classSums: what else counts in the rows' losses.
///   - weighting: what the rows weigh, the first sample weight that of the first row.
///   - largest: the largest loss that is taken for finite.
///   - losses: where each row's loss goes, as f64 or f32, if it is asked for; that of a row that is not ordinary means nothing.
///   - ordinary: room for one bit a row, sixteen an element.
package func finishOrdinaryRows(
  count: Int, classes: UnsafePointer<Int32>, summaries: RowSummaries, classSums: RowClassSums?,
  weighting: RowWeighting, largest: Double, losses: UnsafeMutableRawPointer?, areFloat64: Bool,
  ordinary: UnsafeMutablePointer<UInt16>
) -> OrdinarySums {
  let isWeighted = weighting.sampleWeights != nil || weighting.classWeights != nil || weighting.zLoss != 0
  return isWeighted
    ? finish(Weighted.self, count, classes, summaries, classSums, weighting, largest, losses, areFloat64, ordinary)
    : finish(Unweighted.self, count, classes, summaries, classSums, weighting, largest, losses, areFloat64, ordinary)
}

/// Whether anything weighs, known when the code is compiled: rows that all weigh 1 need one sum, not three. (Of a parameter that is a
/// constant at each call the compiler made one function, which asked for each sixteen rows.)
private protocol WeightKind {
  static var isWeighted: Bool { get }
}

private enum Weighted: WeightKind {
  @inline(__always) static var isWeighted: Bool { true }
}

private enum Unweighted: WeightKind {
  @inline(__always) static var isWeighted: Bool { false }
}

@inline(__always)
private func finish<Kind: WeightKind>(
  _ kind: Kind.Type, _ count: Int, _ classes: UnsafePointer<Int32>, _ summaries: RowSummaries,
  _ classSums: RowClassSums?, _ weighting: RowWeighting, _ largest: Double, _ losses: UnsafeMutableRawPointer?,
  _ areFloat64: Bool, _ ordinary: UnsafeMutablePointer<UInt16>
) -> OrdinarySums {
  let isWeighted = Kind.isWeighted
  let ones = WideLanes(repeating: 1)
  var (lossTotal, weightTotal, zTotal) = (LaneTotal(), LaneTotal(), LaneTotal())
  var correct = IntegerLanes(repeating: 0)
  var sums = OrdinarySums()
  // The lanes that are not good are seldom any, and taken off then.
  sums.count = Int64((count &+ Geometry.laneCount &- 1) / Geometry.laneCount &* Geometry.laneCount)
  var first = 0
  while first < count {
    let labels = UnsafeRawPointer(classes + first).load(as: IntegerLanes.self)
    let labelLogits = UnsafeRawPointer(summaries.labelLogits + first).load(as: WideLanes.self)
    let maxima = UnsafeRawPointer(summaries.maxima + first).load(as: WideLanes.self)
    let logSums = UnsafeRawPointer(summaries.logSums + first).load(as: WideLanes.self)
    let room = count &- first
    // Without a label of one class nothing, if the maximum is finite.
    var loss = weighting.labelShare == 0 ? maxima - maxima : (maxima - labelLogits) + logSums
    var (sampleWeights, classWeights, zTerms) = (ones, ones, WideLanes(repeating: 0))
    if isWeighted {
      if let weights = weighting.sampleWeights { sampleWeights = sixteenFloats(weights + first &* 4, room) }
      if let weights = weighting.classWeights { classWeights = floats(weights, of: labels) }
      let logSumExps = maxima + logSums
      zTerms = WideLanes(repeating: weighting.zLoss) * (logSumExps * logSumExps)
      loss = classWeights * loss
    }
    if let classSums {
      let gaps = UnsafeRawPointer(classSums.gaps + first).load(as: WideLanes.self)
      let shares = UnsafeRawPointer(classSums.shares + first).load(as: WideLanes.self)
      loss = WideLanes(repeating: weighting.labelShare) * loss + (gaps + shares * logSums)
    }
    if isWeighted { loss = loss + zTerms }
    let argmaxes = UnsafeRawPointer(summaries.argmaxes + first).load(as: IntegerLanes.self)
    correct = CKernelShims.count(correct, whereEqual: labels, argmaxes)
    var finished: UInt16 = .max
    if !areGood(loss, atMost: largest, labels) || (isWeighted && finiteNonnegativeLanes(sampleWeights) != .max) {
      var good = lanes(loss, areAtMost: WideLanes(repeating: largest)) & nonnegativeLanes(labels)
      if isWeighted { good &= finiteNonnegativeLanes(sampleWeights) }
      let ignored = equalLanes(labels, IntegerLanes(repeating: ignoredClass))
      finished = good | ignored
      sums.count &-= Int64((~good).nonzeroBitCount)
      sums.ignoredCount &+= Int64(ignored.nonzeroBitCount)
      sums.correctCount &-= Int64((~good & equalLanes(labels, argmaxes)).nonzeroBitCount)
      loss = lanes(loss, whereSet: good)
      if isWeighted {
        sampleWeights = lanes(sampleWeights, whereSet: good)
        zTerms = lanes(zTerms, whereSet: good)
      }
    }
    if let losses {
      let place = losses + first &* (areFloat64 ? 8 : 4)
      if areFloat64 { write(loss, to: place, room) } else { write(narrowed(loss), to: place, room) }
    }
    if isWeighted {
      lossTotal.add(sampleWeights, times: loss)
      zTotal.add(sampleWeights, times: zTerms)
      weightTotal.add(sampleWeights * classWeights)
    } else {
      lossTotal.add(loss)
    }
    ordinary[first / Geometry.laneCount] = finished
    first &+= Geometry.laneCount
  }
  for lane in 0..<Geometry.laneCount { sums.correctCount &+= Int64(correct[lane]) }
  sums.losses = lossTotal.value
  if isWeighted { (sums.weights, sums.zTerms) = (weightTotal.value, zTotal.value) }
  return sums
}

/// Sixteen f32, or as many as there are and 1 behind them.
@inline(__always)
private func sixteenFloats(_ pointer: UnsafeRawPointer, _ count: Int) -> WideLanes {
  guard count < Geometry.laneCount else { return widened(pointer.loadUnaligned(as: Lanes.self)) }
  var values = WideLanes(repeating: 1)
  for lane in 0..<count {
    values[lane] = Double(pointer.loadUnaligned(fromByteOffset: lane &* 4, as: Float.self))
  }
  return values
}

/// The f32 of each lane's class, and 1 where that is -1.
@inline(__always)
private func floats(_ pointer: UnsafeRawPointer, of classes: IntegerLanes) -> WideLanes {
  var values = Lanes(repeating: 1)
  for lane in 0..<Geometry.laneCount where classes[lane] >= 0 {
    values[lane] = pointer.loadUnaligned(fromByteOffset: Int(classes[lane]) &* 4, as: Float.self)
  }
  return widened(values)
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

/// Sixteen sums in double-double.
private struct LaneTotal {
  private var total = WideLanes(repeating: 0)
  private var lost = WideLanes(repeating: 0)

  @inline(__always)
  mutating func add(_ terms: WideLanes) {
    let next = twoSum(total, terms)
    total = next.sum
    lost = lost + next.lost
  }

  /// Adds products, with what they are rounded by, where multiply-adds are fused.
  @inline(__always)
  mutating func add(_ factors: WideLanes, times terms: WideLanes) {
    let products = factors * terms
    add(products)
    lost = lost + multiplyAdd(factors, terms, WideLanes(repeating: 0) - products)
  }

  /// The sum over all lanes.
  @inline(__always)
  var value: ExactTotal {
    var result = ExactTotal(total: 0, lost: sum(lost))
    for lane in 0..<Geometry.laneCount {
      let next = twoSum(result.total, total[lane])
      result = ExactTotal(total: next.sum, lost: result.lost + next.lost)
    }
    return result
  }
}
