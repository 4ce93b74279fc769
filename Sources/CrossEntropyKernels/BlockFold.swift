import CKernelShims

// Without `min`, of which the compiler makes a function here that modules would share.

/// Folds the summaries of a row's blocks, in ascending order.
@inline(__always)
func fold<Element: LogitElement>(
  _ blocks: UnsafePointer<BlockSummary>, count: Int, ofRow row: UnsafeRawPointer, of type: Element.Type, classCount: Int
) -> RowSummary {
  var best = 0
  var largest = blocks[0].rawMaximum
  var isNaN = blocks[0].scaledSum.isNaN
  var index = 1
  while index < count {
    let isLarger = blocks[index].rawMaximum > largest
    best = isLarger ? index : best
    largest = isLarger ? blocks[index].rawMaximum : largest
    isNaN = isNaN || blocks[index].scaledSum.isNaN
    index &+= 1
  }
  let others = sumOfOthers(blocks, count: count, best: best)
  return foldedSummary(
    ofRow: row, of: type, classCount: classCount, best: blocks[best], holdsNaN: isNaN,
    logSum: logarithm(onePlus: others.sum, low: others.lost))
}

/// The summary of a row.
///
/// - Parameters:
///   - best: the summary of the block with the maximum.
///   - holdsNaN: whether any block does.
///   - logSum: the logarithm of 1 plus the sum of the exponentials relative to the maximum, which is left out; any number where
///     that is not finite.
@inline(__always)
func foldedSummary<Element: LogitElement>(
  ofRow row: UnsafeRawPointer, of type: Element.Type, classCount: Int, best: BlockSummary, holdsNaN: Bool,
  logSum: @autoclosure () -> Double
) -> RowSummary {
  guard best.maximum.isFinite, !holdsNaN else {
    return summaryOfSpecialRow(of: type, row, classCount: classCount, maximum: best.maximum, holdsNaN: holdsNaN)
  }
  return RowSummary(maximum: best.maximum, logSum: logSum(), argmax: best.argmax)
}

/// The sum of a row's exponentials relative to its maximum, which is left out, and what it lost in rounding: the other blocks' maxima
/// are not left out.
///
/// Not inlined: it is the same for all types of logits.
@inline(never)
private func sumOfOthers(_ blocks: UnsafePointer<BlockSummary>, count: Int, best: Int) -> (sum: Double, lost: Double) {
  var total = 0.0
  var lost = 0.0
  var first = 0
  while first < count {
    let end = first &+ blocksPerFold < count ? first &+ blocksPerFold : count
    let terms = terms(of: first..<end, blocks, best: best)
    for lane in 0..<end &- first {
      // Many equal blocks would round in the same direction.
      let next = twoSum(total, terms.sums[lane])
      total = next.sum
      lost += next.lost + terms.lost[lane]
    }
    first = end
  }
  return (total, lost)
}

/// Blocks whose terms are computed at once: each is made of two exponentials, of its sum's scale and of its maximum.
@inline(__always) private var blocksPerFold: Int { Geometry.laneCount / 2 }

/// What each of some blocks adds to the sum relative to the maximum of the best.
@inline(__always)
private func terms(
  of range: Range<Int>, _ blocks: UnsafePointer<BlockSummary>, best: Int
) -> (sums: EightDoubles, lost: EightDoubles) {
  let powers = WideLanes(lowHalf: eight(range) { blocks[$0].power }, highHalf: EightDoubles(repeating: 0))
  let centers = WideLanes(lowHalf: eight(range) { blocks[$0].center }, highHalf: eight(range) { blocks[$0].maximum })
  let factors = WideLanes(
    lowHalf: eight(range) { blocks[$0].scaledSum }, highHalf: eight(range) { $0 == best ? 0 : 1 })
  let excess = WideLanes(lowHalf: eight(range) { blocks[$0].excess }, highHalf: EightDoubles(repeating: 0))
  let (products, lost) = scaled(
    corrected(factors, powers: powers, excess: excess), powers: powers, byExponentialsOf: centers,
    minus: WideLanes(repeating: blocks[best].maximum))
  return (products.lowHalf + products.highHalf, lost.lowHalf + lost.highHalf)
}

/// The sum of each row's exponentials relative to its maximum, which is left out, and what it lost in rounding, where each row is one
/// block, whose sum needs no correction.
@inline(__always)
func sumsOfOthers(
  ofRowsThatAre blocks: UnsafePointer<BlockSummary>, count: Int
) -> (sums: WideLanes, lost: WideLanes) {
  let (low, high) = count > 8 ? (0..<8, 8..<count) : (0..<count, count &- 1..<count)
  @inline(__always) func sixteen(_ value: (BlockSummary) -> Double) -> WideLanes {
    WideLanes(lowHalf: eight(low) { value(blocks[$0]) }, highHalf: eight(high) { value(blocks[$0]) })
  }
  let (sums, lost) = scaled(
    sixteen { $0.scaledSum }, powers: sixteen { $0.power }, byExponentialsOf: sixteen { $0.center },
    minus: sixteen { $0.maximum })
  return (sums, lost)
}

/// Eight lanes, of which those behind the range repeat its last.
@inline(__always)
private func eight(_ range: Range<Int>, _ value: (Int) -> Double) -> EightDoubles {
  @inline(__always) func lane(_ lane: Int) -> Double {
    let index = range.lowerBound &+ lane
    return value(index < range.upperBound ? index : range.upperBound &- 1)
  }
  return EightDoubles(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), lane(6), lane(7))
}

// The exponential in double precision: our own rather than the C library's, whose last bit depends on its version and on the
// CPU. No multiply-add is fused here, so the bits are the same on every machine.

// 32 bits of ln 2, so that the product with an integer of 21 bits is exact, and the rest.
private let ln2High = 0x1.62e42feep-1
private let ln2Low = 0x1.a39ef35793c76p-33

/// `factors 2^power exp(a - b)` for finite `b`, where the exponential is at most about 1, and what the product lost in rounding. What the
/// sum in the exponent loses is not lost.
@inline(__always)
func scaled(
  _ factors: WideLanes, powers: WideLanes, byExponentialsOf a: WideLanes, minus b: WideLanes
) -> (products: WideLanes, lost: WideLanes) {
  let (difference, lost) = twoSum(a, WideLanes(repeating: 0) - b)
  let (exponent, lostToo) = twoSum(powers * WideLanes(repeating: ln2High), difference)
  return scaled(
    factors, byExponentialsOf: exponent, low: powers * WideLanes(repeating: ln2Low) + (lost + lostToo))
}

/// `factors exp(x + low)` for `x <= 1` and a `low` that is tiny against it, within 1 ulp, and what it lost in rounding; exactly 0 where
/// `x` is not above -708, and the exponential would be subnormal.
@inline(__always)
func scaled(
  _ factors: WideLanes, byExponentialsOf x: WideLanes, low: WideLanes
) -> (products: WideLanes, lost: WideLanes) {
  @inline(__always) func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let rounder = constant(0x1.8p52)
  let shifted = x * constant(0x1.71547652b82fep0) + rounder
  let n = shifted - rounder
  let t = (x - n * constant(ln2High)) - (n * constant(ln2Low) - low)
  let quotients = exponentialQuotients(start: constant) { $0 * t + constant($1) }
  let start = factors * powersOfTwo(fields: shifted + constant(1023))
  let (products, lost) = fastTwoSum(start, start * (t * quotients))
  @inline(__always) func orZero(_ lanes: WideLanes) -> WideLanes {
    select(constant(-708), isLessThan: x, yes: lanes, no: constant(0))
  }
  return (orZero(products), orZero(lost))
}
