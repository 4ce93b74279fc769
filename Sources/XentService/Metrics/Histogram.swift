import Synchronization

/// How often a value fell into each of a fixed row of buckets, each about twice as wide as the one before. One thread
/// records, others read.
package final class Histogram: Sendable {
  package static let boundCount = 22

  /// The largest value of each bucket but the last, which has no end.
  package let bounds: InlineArray<22, Int>
  private let counts = InlineArray<23, Counter> { _ in Counter() }
  private let total = Counter()
  /// Where the search for a value's bucket starts: the first bucket that a value with so many significant bits can have.
  private let firstBuckets: InlineArray<65, UInt8>

  init(bounds: InlineArray<22, Int>) {
    self.bounds = bounds
    firstBuckets = InlineArray { bitCount in
      let smallest = bitCount == 0 ? 0 : 1 << (bitCount - 1)
      return UInt8(bounds.indices.first { smallest >= 0 && bounds[$0] >= smallest } ?? Self.boundCount)
    }
  }

  /// - Parameter times: how often the value is seen at once.
  @inline(__always)  // A call takes a reference and lets it go, for each batch thrice.
  func record(_ value: Int, times: Int = 1) {
    var bucket = Int(firstBuckets[Int.bitWidth - value.leadingZeroBitCount])
    while bucket < Self.boundCount, bounds[bucket] < value { bucket += 1 }
    counts[bucket].add(times)
    total.add(value &* times)
  }

  /// How many values each bucket has, the one without an end last.
  package var bucketCounts: [Int] { counts.indices.map { counts[$0].value } }

  /// The sum of all values.
  package var sum: Int { total.value }
}

extension Histogram {
  /// Of times in nanoseconds, from a microsecond to ten seconds, three buckets to a power of ten.
  static func ofTimes() -> Histogram {
    let steps = [1, 2, 5]
    return Histogram(
      bounds: InlineArray { index in
        (0..<index / 3).reduce(steps[index % 3] * 1000) { bound, _ in bound * 10 }
      })
  }

  /// Of counts, doubling from `first`.
  static func doubling(from first: Int) -> Histogram { Histogram(bounds: InlineArray { first << $0 }) }
}
