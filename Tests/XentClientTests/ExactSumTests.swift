import TestSupport
import Testing

@testable import XentClient

@Suite("Exact sums")
struct ExactSumTests {
  private func sum(_ terms: some Sequence<Double>) -> Double {
    var sum = ExactSum()
    for term in terms { sum.add(term) }
    return sum.value
  }

  @Test("a sum is the exact one, rounded once, in any order", arguments: [1, 2, 3, 10, 1000])
  func exact(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for _ in 0..<200 {
      // Integers times 2^-50: an integer of 128 bits holds their sum.
      var whole: Int128 = 0
      var terms: [Double] = []
      for _ in 0..<count {
        let (digits, shift) = (Int64.random(in: -(1 << 53)...1 << 53, using: &random), Int.random(in: 0...50))
        whole += Int128(digits) << shift
        terms.append(Double(sign: .plus, exponent: shift - 50, significand: Double(digits)))
      }
      let expected = Double(whole) * 0x1p-50
      for _ in 0..<3 {
        #expect(sum(terms) == expected)
        terms.shuffle(using: &random)
      }
    }
  }

  @Test("what is lost in a tie decides it")
  func ties() {
    #expect(sum([1, 0x1p-53, 0x1p-120]) == 1.nextUp && sum([1, 0x1p-53, -0x1p-120]) == 1)
    #expect(sum([0x1p-120, 1, 0x1p-53]) == 1.nextUp && sum([1, 0x1p-53]) == 1)
    #expect(sum([-1, -0x1p-53, -0x1p-120]) == -(1.nextUp) && sum([1e300, 1, -1e300, 1e-300, -1]) == 1e-300)
  }

  @Test("infinities and NaN are what they are, and no terms are 0")
  func special() {
    #expect(sum([]) == 0 && sum([1, .infinity, 2]) == .infinity && sum([-.infinity, 3]) == -.infinity)
    #expect(sum([1, .nan]).isNaN && sum([.infinity, -.infinity]).isNaN)
    #expect(sum([1e308, 1e308, -1e308, 1]) == .infinity && sum([-1e308, -1e308]) == -.infinity)
  }
}
