/// A sum without rounding: terms may be added in any order, as results come, and its value is that of their exact sum, rounded once.
/// - Source: Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997.
struct ExactSum: Sendable {
  /// Numbers that do not overlap, the smallest first, whose sum is exact. There are seldom more than three.
  private var parts: [Double] = []
  /// The sum of what is infinite or NaN, or too large for f64.
  private var special = 0.0

  mutating func add(_ term: Double) {
    guard term.isFinite else {
      special += term
      return
    }
    var term = term
    var count = 0
    for part in parts {
      let (larger, smaller) = abs(part) < abs(term) ? (term, part) : (part, term)
      term = larger + smaller
      guard term.isFinite else { return special += term }
      let lost = smaller - (term - larger)
      guard lost != 0 else { continue }
      parts[count] = lost
      count += 1
    }
    parts.removeSubrange(count...)
    parts.append(term)
  }

  /// The sum, rounded once.
  var value: Double {
    if special != 0 { return special }  // true of NaN as well
    var rest = parts[...]
    guard var sum = rest.popLast() else { return 0 }
    while let part = rest.popLast() {
      let larger = sum
      sum = larger + part
      let lost = part - (sum - larger)
      guard lost == 0 else { return rounded(sum, lost: lost, below: rest.last ?? 0) }
    }
    return sum
  }

  /// What was lost may be a tie that the parts below it decide.
  private func rounded(_ sum: Double, lost: Double, below: Double) -> Double {
    guard (lost < 0 && below < 0) || (lost > 0 && below > 0) else { return sum }
    let twice = 2 * lost
    let next = sum + twice
    return next - sum == twice ? next : sum
  }
}
