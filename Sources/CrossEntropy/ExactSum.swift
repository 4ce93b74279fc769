import CKernelShims

/// A sum in double-double: exact to one unit in the last place for terms of one sign, in any order of merging.
///
/// - Source: Knuth's two-sum (The Art of Computer Programming, volume 2, 4.2.2).
struct ExactSum: Sendable, BitwiseCopyable {
  private var high = 0.0
  private var low = 0.0
  /// Infinities and NaN, which the error terms would not survive.
  private var special = 0.0

  mutating func add(_ term: Double) {
    guard term.isFinite else {
      special += term
      return
    }
    let total = high + term
    let part = total - high
    low += (high - (total - part)) + (term - part)
    high = total
  }

  /// Adds a product, with what it is rounded by.
  mutating func add(_ factor: Double, times term: Double) {
    let product = factor * term
    add(product)
    guard factor != 1 else { return }  // Exact; and a fused multiply-add may be a function call.
    if product.isFinite { low += (-product).addingProduct(factor, term) }
  }

  /// Adds a finite sum.
  mutating func add(_ sum: ExactTotal) {
    add(sum.total)
    low += sum.lost
  }

  mutating func merge(_ other: ExactSum) {
    add(ExactTotal(total: other.high, lost: other.low))
    special += other.special
  }

  /// The value of both sums together.
  func value(plus other: ExactSum) -> Double {
    var both = self
    both.merge(other)
    return both.value
  }

  var value: Double {
    if special != 0 { return special }  // true of NaN as well
    return high.isFinite ? high + low : high
  }
}
