import CKernelShims

/// Room for a block's probabilities in f64, and for the copies of short last vectors.
let classSumScratchByteCount = (Geometry.blockLength + 4 * Geometry.laneCount) * MemoryLayout<Double>.size

/// Sums over all classes of each of consecutive rows, as `sumClasses` does for one.
///
/// - Parameters:
///   - logits: `rowCount * classCount` elements, row-major; need not be aligned.
///   - maxima: each row's largest logit after the transform, to the end of the last sixteen.
///   - shares: how much each class counts; the probabilities, if there are any, start with the first row's.
///   - labelTolerance: how far a row's probabilities may sum from 1.
///   - classes: with probabilities, room for one class a row, to the end of the last sixteen: that of the row's largest, -1 where
///     its probabilities are none, and behind the last row. Else each row's class; rows without one need no sums.
package func sumClassesOfRows(
  _ logits: UnsafeRawPointer, format: LogitFormat, rowCount: Int, classCount: Int, transform: LogitTransform,
  maxima: UnsafePointer<Double>, shares: ClassShares, labelTolerance: Double, scratch: UnsafeMutableRawPointer,
  into sums: RowClassSums, classes: UnsafeMutablePointer<Int32>
) {
  guard classCount > Geometry.largestNarrowClassCount else {
    return NarrowClassSums(
      logits: logits, format: format, rowCount: rowCount, classCount: classCount, transform: transform, maxima: maxima,
      shares: shares, labelTolerance: labelTolerance, scratch: scratch, sums: sums, classes: classes
    ).sumInLanes()
  }
  var shares = shares
  for row in 0..<rowCount where shares.probabilities != nil || classes[row] >= 0 {
    let rowSums = sumClasses(
      ofRow: logits + row &* classCount &* byteCount(of: format), format: format, classCount: classCount,
      transform: transform, maximum: maxima[row], shares: shares, scratch: scratch)
    sums.gaps[row] = rowSums.gaps
    sums.shares[row] = rowSums.shares
    guard let probabilities = shares.probabilities else { continue }
    classes[row] =
      rowSums.areProbabilities(tolerance: labelTolerance) ? Int32(truncatingIfNeeded: rowSums.argmax) : -1
    shares.probabilities = probabilities + classCount &* byteCount(of: shares.probabilityFormat)
  }
  guard shares.probabilities != nil else { return }
  for place in rowCount..<(rowCount &+ Geometry.laneCount &- 1) / Geometry.laneCount &* Geometry.laneCount {
    classes[place] = -1
  }
}

/// Sums over all classes of a row, for labels that give weight to more than one: probabilities, and smoothed ones.
///
/// A class whose share is 0 adds 0, whatever its logit. Lanes are summed a block at a time, and blocks in ascending order
/// with what each addition rounds away.
///
/// - Parameters:
///   - row: the row's first logit; need not be aligned.
///   - format: the type of the logits.
///   - transform: what is done to each logit first.
///   - maximum: the largest logit after the transform; finite, or the gaps mean nothing.
///   - shares: how much each class counts.
///   - scratch: `kernelScratchByteCount` bytes, aligned to 64, for this call's own use.
/// - Complexity: reads each logit and each probability once; allocates nothing.
package func sumClasses(
  ofRow row: UnsafeRawPointer, format: LogitFormat, classCount: Int, transform: LogitTransform, maximum: Double,
  shares: ClassShares, scratch: UnsafeMutableRawPointer
) -> ClassSums {
  if transform.softcap != 0 {
    sumClasses(as: Capped.self, row, format, classCount, transform, maximum, shares, scratch)
  } else if transform.temperature != 1 {
    sumClasses(as: Divided.self, row, format, classCount, transform, maximum, shares, scratch)
  } else {
    sumClasses(as: Untransformed.self, row, format, classCount, transform, maximum, shares, scratch)
  }
}

@inline(__always)
private func sumClasses<Kind: TransformKind>(
  as kind: Kind.Type, _ row: UnsafeRawPointer, _ format: LogitFormat, _ classCount: Int, _ transform: LogitTransform,
  _ maximum: Double, _ shares: ClassShares, _ scratch: UnsafeMutableRawPointer
) -> ClassSums {
  switch format {
  case XENT_FORMAT_F32: sumClasses(F32Element.self, kind, row, classCount, transform, maximum, shares, scratch)
  case XENT_FORMAT_F16: sumClasses(F16Element.self, kind, row, classCount, transform, maximum, shares, scratch)
  case XENT_FORMAT_F64: sumClasses(F64Element.self, kind, row, classCount, transform, maximum, shares, scratch)
  default: sumClasses(BF16Element.self, kind, row, classCount, transform, maximum, shares, scratch)
  }
}

@inline(__always)
private func sumClasses<Element: LogitElement, Kind: TransformKind>(
  _ type: Element.Type, _ kind: Kind.Type, _ row: UnsafeRawPointer, _ classCount: Int, _ transform: LogitTransform,
  _ maximum: Double, _ shares: ClassShares, _ scratch: UnsafeMutableRawPointer
) -> ClassSums {
  var labels: LabelSums = (sum: 0, largest: -1, argmax: 0, badCount: 0)
  var gaps = (sum: 0.0, lost: 0.0)
  var weights = (sum: 0.0, lost: 0.0)
  var first = 0
  while first < classCount {
    let count = min(Geometry.blockLength, classCount &- first)
    var labelSum = 0.0
    if let probabilities = shares.probabilities {
      let offset = first &* byteCount(of: shares.probabilityFormat)
      labelSum = widenLabels(
        probabilities + offset, format: shares.probabilityFormat, count: count, firstClass: first, to: scratch,
        sums: &labels)
      labels.sum += labelSum
    }
    let block = GapBlock<Element, Kind>(
      elements: row + first &* Element.byteCount, count: count, transform: transform, maximum: maximum,
      shares: shares, classWeights: shares.classWeights.map { $0 + first &* 4 }, labels: scratch, labelSum: labelSum)
    let (gap, weight) = block.sums
    add(gap, to: &gaps)
    add(weight, to: &weights)
    first &+= count
  }
  return ClassSums(
    gaps: gaps.sum.isFinite ? gaps.sum + gaps.lost : gaps.sum, shares: weights.sum + weights.lost,
    probabilities: labels.sum, argmax: Int64(labels.argmax), badCount: Int64(labels.badCount))
}

@inline(__always)
private func add(_ term: Double, to total: inout (sum: Double, lost: Double)) {
  let (sum, lost) = twoSum(total.sum, term)
  total = (sum, total.lost + lost)
}

/// What a row's probabilities come to.
private typealias LabelSums = (sum: Double, largest: Double, argmax: Int, badCount: Int)

/// One block's shares and gaps.
private struct GapBlock<Element: LogitElement, Kind: TransformKind> {
  private typealias Numbers = Element.Numbers

  let elements: UnsafeRawPointer
  let count: Int
  let transform: LogitTransform
  let maximum: Double
  let shares: ClassShares
  let classWeights: UnsafeRawPointer?
  /// The block's probabilities in f64, filled up to whole vectors with 0, and behind them room for copies.
  let labels: UnsafeMutableRawPointer
  let labelSum: Double

  /// The sums of share times gap, and of shares.
  @inline(__always)
  var sums: (gaps: Double, shares: Double) {
    if classWeights == nil {
      if shares.probabilities == nil {
        if Numbers.areNarrow { return uniformSums }
      } else if shares.countsProbabilitiesAlone {
        let gaps = labelGaps
        // Else one may be infinite, and its share 0.
        if gaps.isFinite { return (gaps, labelSum) }
      }
    }
    return sharedSums
  }

  /// The sum of label times gap, where gaps are finite.
  @inline(__always)
  private var labelGaps: Double {
    var gaps = WideLanes(repeating: 0)
    let maxima = WideLanes(repeating: maximum)
    @inline(__always) func add(_ index: Int, _ x: UnsafeRawPointer) {
      let logits = transform.applied(to: Element.load(x), of: Numbers.self, as: Kind.self)
      let label = labels.load(fromByteOffset: index &* 128, as: WideLanes.self)
      gaps = multiplyAdd(label, maxima - Numbers.widened(logits), gaps)
    }
    let wholeVectorCount = count / Geometry.laneCount
    for index in 0..<wholeVectorCount { add(index, elements + index &* Element.vectorByteCount) }
    let tailLength = count % Geometry.laneCount
    if tailLength > 0 { add(wholeVectorCount, tailCopy(wholeVectorCount, tailLength)) }
    return sum(gaps)
  }

  /// The short last vector's logits, filled up with 0.
  @inline(__always)
  private func tailCopy(_ index: Int, _ length: Int) -> UnsafeRawPointer {
    filledCopy(
      of: elements + index &* Element.vectorByteCount, byteCount: length &* Element.byteCount,
      at: labels + Geometry.blockLength &* 8)
  }

  /// The sums with any shares, some of which may be 0 where the gap is infinite.
  @inline(__always)
  private var sharedSums: (gaps: Double, shares: Double) {
    var gaps = WideLanes(repeating: 0)
    var weights = WideLanes(repeating: 0)
    let wholeVectorCount = count / Geometry.laneCount
    let uniform = WideLanes(repeating: shares.uniformShare)
    for index in 0..<wholeVectorCount {
      let x = elements + index &* Element.vectorByteCount
      add(vector: index, x, uniform, classWeights.map { $0 + index &* Geometry.vectorByteCount }, &gaps, &weights)
    }
    let tailLength = count % Geometry.laneCount
    if tailLength > 0 { addTail(wholeVectorCount, tailLength, &gaps, &weights) }
    return (sum(gaps), sum(weights))
  }

  /// The same where every class has the same share: then only the logits need be added. Logits of 24 bits lose nothing that
  /// counts against the maximum in 53.
  @inline(__always)
  private var uniformSums: (gaps: Double, shares: Double) {
    var logits = WideLanes(repeating: 0)
    let wholeVectorCount = count / Geometry.laneCount
    for index in 0..<wholeVectorCount {
      let x = Element.load(elements + index &* Element.vectorByteCount)
      logits = logits + Numbers.widened(transform.applied(to: x, of: Numbers.self, as: Kind.self))
    }
    var total = sum(logits)
    for index in wholeVectorCount &* Geometry.laneCount..<count {
      total += transform.applied(to: Element.element(index, of: elements), of: Numbers.self, as: Kind.self)
    }
    let classCount = Double(count)
    let gaps = classCount * maximum - total
    return (shares.uniformShare * (gaps < 0 ? 0 : gaps), shares.uniformShare * classCount)
  }

  @inline(__always)
  private func add(
    vector index: Int, _ x: UnsafeRawPointer, _ uniform: WideLanes, _ classWeights: UnsafeRawPointer?,
    _ gaps: inout WideLanes, _ weights: inout WideLanes
  ) {
    let logits = transform.applied(to: Element.load(x), of: Numbers.self, as: Kind.self)
    let maxima = WideLanes(repeating: maximum)
    let gap = maxima - Numbers.widened(logits)
    guard shares.probabilities != nil || classWeights != nil else {
      gaps = multiplyAdd(uniform, gap, gaps)
      weights = weights + uniform
      return
    }
    var share = uniform
    if shares.probabilities != nil {
      let label = labels.load(fromByteOffset: index &* 128, as: WideLanes.self)
      share = multiplyAdd(label, WideLanes(repeating: shares.labelShare), uniform)
    }
    if let classWeights { share = share * widened(classWeights.loadUnaligned(as: Lanes.self)) }
    let zero = WideLanes(repeating: 0)
    gaps = multiplyAdd(share, select(zero, isLessThan: share, yes: gap, no: zero), gaps)
    weights = weights + share
  }

  /// Adds the last, short vector from copies that are filled up with shares of 0.
  @inline(__always)
  private func addTail(_ index: Int, _ length: Int, _ gaps: inout WideLanes, _ weights: inout WideLanes) {
    let x = tailCopy(index, length)
    let uniform = labels + (Geometry.blockLength &* 8 &+ 128)
    let classWeight = uniform + 128
    for lane in 0..<Geometry.laneCount {
      uniform.storeBytes(of: lane < length ? shares.uniformShare : 0, toByteOffset: lane &* 8, as: Double.self)
      classWeight.storeBytes(of: 0, toByteOffset: lane &* 4, as: UInt32.self)
    }
    if let classWeights {
      classWeight.copyMemory(from: classWeights + index &* Geometry.vectorByteCount, byteCount: length &* 4)
    }
    let shares = uniform.load(as: WideLanes.self)
    add(vector: index, x, shares, classWeights.map { _ in UnsafeRawPointer(classWeight) }, &gaps, &weights)
  }
}

/// A copy of a short last vector, filled up with 0.
@inline(__always)
private func filledCopy(
  of vector: UnsafeRawPointer, byteCount: Int, at copy: UnsafeMutableRawPointer
) -> UnsafeRawPointer {
  for lane in 0..<Geometry.laneCount { copy.storeBytes(of: 0, toByteOffset: lane &* 8, as: UInt64.self) }
  copy.copyMemory(from: vector, byteCount: byteCount)
  return UnsafeRawPointer(copy)
}

/// Widens a block's probabilities, filled up to whole vectors with 0, and looks at them.
/// - Returns: their sum.
@inline(__always)
private func widenLabels(
  _ labels: UnsafeRawPointer, format: LogitFormat, count: Int, firstClass: Int, to wide: UnsafeMutableRawPointer,
  sums: inout LabelSums
) -> Double {
  switch format {
  case XENT_FORMAT_F32: widenLabels(F32Element.self, labels, count, firstClass, wide, &sums)
  case XENT_FORMAT_F16: widenLabels(F16Element.self, labels, count, firstClass, wide, &sums)
  case XENT_FORMAT_F64: widenLabels(F64Element.self, labels, count, firstClass, wide, &sums)
  default: widenLabels(BF16Element.self, labels, count, firstClass, wide, &sums)
  }
}

/// Not inlined: it is the same for all types of logits.
@inline(never)
private func widenLabels<Element: LogitElement>(
  _ type: Element.Type, _ labels: UnsafeRawPointer, _ count: Int, _ firstClass: Int, _ wide: UnsafeMutableRawPointer,
  _ sums: inout LabelSums
) -> Double {
  typealias Numbers = Element.Numbers
  var total = WideLanes(repeating: 0)
  var largest = Numbers.repeating(-1)
  var smallest = Numbers.repeating(0)
  @inline(__always) func add(_ index: Int, _ source: UnsafeRawPointer) {
    let label = Element.load(source)
    let wideLabel = Numbers.widened(label)
    wide.storeBytes(of: wideLabel, toByteOffset: index &* 128, as: WideLanes.self)
    total = total + wideLabel
    largest = Numbers.larger(label, largest)
    smallest = Numbers.smaller(label, smallest)
  }
  let wholeVectorCount = count / Geometry.laneCount
  for index in 0..<wholeVectorCount {
    let source = labels + index &* Element.vectorByteCount
    prefetch(source + prefetchByteCount)
    prefetchFar(source + farPrefetchByteCount)
    add(index, source)
  }
  let tailLength = count % Geometry.laneCount
  if tailLength > 0 {
    let tail = filledCopy(
      of: labels + wholeVectorCount &* Element.vectorByteCount, byteCount: tailLength &* Element.byteCount,
      at: wide + Geometry.blockLength &* 8)
    add(wholeVectorCount, tail)
  }
  let sum = sum(total)
  // NaN and infinities make the sum so.
  if !sum.isFinite || Numbers.greaterLanes(Numbers.repeating(0), smallest) != 0 {
    sums.badCount &+= badCount(wide, count: count)
  }
  let blockLargest = Numbers.largestLane(largest)
  if blockLargest > sums.largest {
    sums.largest = blockLargest
    sums.argmax = firstClass &+ firstIndex(of: blockLargest, in: wide, count: count)
  }
  return sum
}

/// How many of a block's probabilities are negative or not finite.
@inline(never)
private func badCount(_ labels: UnsafeRawPointer, count: Int) -> Int {
  var badCount = 0
  for index in 0..<count {
    let label = labels.load(fromByteOffset: index &* 8, as: Double.self)
    if !(label >= 0 && label.isFinite) { badCount &+= 1 }
  }
  return badCount
}

/// Where a block's largest probability first stands.
@inline(__always)
private func firstIndex(of largest: Double, in labels: UnsafeRawPointer, count: Int) -> Int {
  let wanted = WideLanes(repeating: largest)
  var first = 0
  while first < count {
    let equal = equalLanes(labels.load(fromByteOffset: first &* 8, as: WideLanes.self), wanted)
    if equal != 0 { return first &+ equal.trailingZeroBitCount }
    first &+= Geometry.laneCount
  }
  return 0
}
