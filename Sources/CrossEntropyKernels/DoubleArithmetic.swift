import CKernelShims

/// Exponentials of doubles, within 1 ulp each, and a sum that keeps what its additions round away: there is no wider type
/// to add them in, and the errors of equal terms would all point the same way.
///
/// As with floats, `exp(x - c) = 2^n exp(t)`, and the sum is one of `2^(n - N) exp(t)`.
enum DoubleArithmetic: Arithmetic {
  @inline(__always) private static var rounder: Double { 0x1.8p52 }
  @inline(__always) private static var exponentOffset: Double { 1023 }
  /// Up to here, and down to the smallest term that counts, |n| < 2^21, so that `n ln2High` is exact.
  @inline(__always) static var largestUncentered: Double { 0x1p19 }
  @inline(__always) private static var log2e: Double { 0x1.71547652b82fep0 }
  /// 32 bits of ln 2, and the rest.
  @inline(__always) private static var ln2High: Double { 0x1.62e42feep-1 }
  @inline(__always) private static var ln2Low: Double { 0x1.a39ef35793c76p-33 }

  @inline(__always) static func repeating(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  @inline(__always) static func larger(_ a: WideLanes, _ b: WideLanes) -> WideLanes { CKernelShims.larger(a, b) }
  @inline(__always) static func largestLane(_ vector: WideLanes) -> Double { CKernelShims.largestLane(vector) }
  @inline(__always) static func equalLanes(_ a: WideLanes, _ b: WideLanes) -> UInt16 { CKernelShims.equalLanes(a, b) }
  @inline(__always) static func greaterLanes(_ a: WideLanes, _ b: WideLanes) -> UInt16 {
    CKernelShims.greaterLanes(a, b)
  }
  @inline(__always) static func select(_ a: WideLanes, isGreaterThan b: WideLanes, yes: IntegerLanes, no: IntegerLanes)
    -> IntegerLanes
  {
    CKernelShims.select(a, isGreaterThan: b, yes: yes, no: no)
  }
  @inline(__always) static func firstLane(_ vector: WideLanes) -> Double { vector[0] }
  @inline(__always) static func widened(_ vector: WideLanes) -> WideLanes { vector }
  @inline(__always) static var areNarrow: Bool { false }
  @inline(__always) static func divided(_ x: WideLanes, by divisor: WideLanes) -> WideLanes { x / divisor }
  @inline(__always) static func capped(_ x: WideLanes, at cap: Double) -> WideLanes { softcapped(x, at: cap) }

  @inline(__always)
  static func scaling(maximum: Double) -> Scaling {
    let center = maximum.magnitude > largestUncentered ? maximum : 0
    return (center, ((maximum - center) * log2e + rounder) - rounder, excess: 0)
  }

  /// `N` of sums with these maxima, which are uncentered.
  @inline(__always)
  static func powers(maxima: WideLanes) -> WideLanes {
    (maxima * repeating(log2e) + repeating(rounder)) - repeating(rounder)
  }

  typealias Reference = (centers: WideLanes, magics: WideLanes, floors: WideLanes, isCentered: Bool)

  @inline(__always) static func covers(maximum: Double) -> Bool { true }

  @inline(__always)
  static func reference(maximum: Double) -> Reference {
    let (center, power, _) = scaling(maximum: maximum)
    let floor = (power - exponentOffset) * (ln2High + ln2Low)
    return (repeating(center), repeating(rounder + (exponentOffset - power)), repeating(floor), center != 0)
  }

  /// A reference for each lane, whose maximum is uncentered.
  @inline(__always)
  static func references(maxima: WideLanes) -> Reference {
    let offsets = repeating(exponentOffset) - powers(maxima: maxima)
    return (
      repeating(0), repeating(rounder) + offsets, (repeating(0) - offsets) * repeating(ln2High + ln2Low), false
    )
  }

  /// Sums, and what their additions rounded away.
  typealias Sums = (total: WideLanes, lost: WideLanes)

  @inline(__always) static var noSums: Sums { (WideLanes(repeating: 0), WideLanes(repeating: 0)) }
  @inline(__always) static func noSums(_ room: UnsafeMutableRawPointer) -> Sums { noSums }

  @inline(__always) static var vectorsPerSum: Int { 4 }

  /// Any number of vectors.
  @inline(__always)
  static func add(
    count: Int, _ reference: Reference, to sums: inout Sums, vector: (Int) -> WideLanes
  ) {
    @inline(__always) func centered(_ index: Int) -> WideLanes {
      let x = vector(index)
      return reference.isCentered ? x - reference.centers : x
    }
    var index = 0
    while index &+ 3 < count {
      let terms = exponentials(
        (centered(index), centered(index &+ 1), centered(index &+ 2), centered(index &+ 3)), reference)
      add(terms.0, to: &sums)
      add(terms.1, to: &sums)
      add(terms.2, to: &sums)
      add(terms.3, to: &sums)
      index &+= 4
    }
    if index &+ 1 < count {
      let last = centered(index &+ 1)
      let terms = exponentials((centered(index), last, last, last), reference)
      add(terms.0, to: &sums)
      add(terms.1, to: &sums)
      index &+= 2
    }
    if index < count { add(exponentials(fourCopies(of: centered(index)), reference).0, to: &sums) }
  }

  /// What the addition of a term larger than the sum so far loses is not kept. But each such term more than doubles the sum: all of
  /// them together lose an ulp of it at most.
  @inline(__always)
  private static func add(_ term: WideLanes, to sums: inout Sums) {
    let next = fastTwoSum(sums.total, term)
    sums.total = next.sum
    sums.lost = sums.lost + next.lost
  }

  /// `2^(n - N) exp(t)` in each lane, of four vectors side by side.
  @inline(__always)
  private static func exponentials(_ x: Four<WideLanes>, _ reference: Reference) -> Four<WideLanes> {
    let clamped = each(x) { larger(reference.floors, $0) }  // In this order NaN survives.
    let shifted = each(clamped) { multiplyAdd($0, repeating(log2e), reference.magics) }
    let n = each(shifted) { $0 - reference.magics }
    let rough = each(n, clamped) { multiplyAdd($0, repeating(-ln2High), $1) }
    let t = each(n, rough) { multiplyAdd($0, repeating(-ln2Low), $1) }
    let powers = each(shifted) { powersOfTwo(fields: $0) }
    let products = each(t, exponentialQuotients(ofFourSmall: t)) { $0 * $1 }
    return each(powers, products) { multiplyAdd($0, $1, $0) }
  }

  @inline(__always)
  static func total(_ sums: Sums) -> Double {
    let eight = twoSum(sums.total.lowHalf, sums.total.highHalf)
    let four = twoSum(eight.sum.lowHalf, eight.sum.highHalf)
    let two = twoSum(four.sum.lowHalf, four.sum.highHalf)
    let last = twoSum(two.sum[0], two.sum[1])
    let lostByFour = (eight.lost.lowHalf + eight.lost.highHalf) + four.lost
    let lostByTwo = (lostByFour.lowHalf + lostByFour.highHalf) + two.lost
    return last.sum + (sum(sums.lost) + (lostByTwo[0] + lostByTwo[1] + last.lost))
  }

  /// Terms are taken for 0 below 2^-1023 only: a loss of 1e-300 is still right.
  @inline(__always) static var smallestCompleteSum: Double { 0 }
}
