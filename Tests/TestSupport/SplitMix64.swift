/// A small random number generator that repeats exactly.
/// - Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014.
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Floats like logits: a sum of uniform ones, of about this standard deviation.
  package mutating func floats(count: Int, offset: Double = 0, spread: Double = 1) -> [Float] {
    (0..<count).map { _ in
      let sum = (0..<4).reduce(0.0) { total, _ in total + Double.random(in: -1...1, using: &self) }
      return Float(offset + spread * sum * 0.866)
    }
  }
}
