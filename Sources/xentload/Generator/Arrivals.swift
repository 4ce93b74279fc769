import ArgumentParser
import Glibc

/// How intended send times lie.
enum ArrivalPattern: String, CaseIterable, ExpressibleByArgument, Sendable { case constant, poisson }

/// The times at which batches should leave, whatever the daemon does.
struct Arrivals: Sendable {
  private let start: UInt64
  private let pattern: ArrivalPattern
  /// Nanoseconds between two.
  private let meanGap: Double
  private var random: SplitMix64
  private var elapsed = 0.0

  /// - Parameters:
  ///   - rate: batches a second.
  ///   - phase: where in the first gap the first one is, 0 to 1: several schedules of constant gaps interleave by it.
  init(start: UInt64, rate: Double, pattern: ArrivalPattern, seed: UInt64, phase: Double = 0) {
    self.start = start
    self.pattern = pattern
    meanGap = 1e9 / rate
    random = SplitMix64(seed: seed)
    elapsed = phase * meanGap
  }

  /// The next intended time: `Clock.now()`.
  mutating func next() -> UInt64 {
    defer { elapsed += gap() }
    return start + UInt64(elapsed)
  }

  private mutating func gap() -> Double {
    switch pattern {
    case .constant: meanGap
    // The gaps of a Poisson process are exponential; 1 - u is never 0.
    case .poisson: -log(1 - random.unit()) * meanGap
    }
  }
}

/// A small generator of random numbers that repeats exactly.
/// - Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number from 0 up to, but not, 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
