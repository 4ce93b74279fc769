import Histogram

/// Times in nanoseconds, up to an hour, to three significant digits.
typealias LatencyHistogram = Histogram<UInt64>

extension LatencyHistogram {
  static let highest: UInt64 = 3_600_000_000_000

  static func forTimes() -> LatencyHistogram {
    // Half a microsecond is told apart below a millisecond; three digits above it.
    LatencyHistogram(
      lowestDiscernibleValue: 512, highestTrackableValue: highest, numberOfSignificantValueDigits: .three)
  }

  /// Notes a time; a longer one than an hour as an hour.
  mutating func note(_ nanoseconds: UInt64) { record(Swift.min(nanoseconds, Self.highest)) }

  /// A percentile in seconds; NaN where nothing was noted.
  func seconds(at percentile: Double) -> Double {
    totalCount == 0 ? .nan : Double(nanoseconds: valueAtPercentile(percentile))
  }

  var meanSeconds: Double { totalCount == 0 ? .nan : mean / 1e9 }
}

/// The latencies of batches, and the parts they are made of.
struct Latencies {
  /// From the time at which the batch should have left to its result.
  var corrected = LatencyHistogram.forTimes()
  /// From the time at which it did.
  var uncorrected = LatencyHistogram.forTimes()
  /// From sending to the start of the computation, as the daemon tells it: the way there, and waiting.
  var queue = LatencyHistogram.forTimes()
  /// The computation, as the daemon tells it.
  var compute = LatencyHistogram.forTimes()
  /// The rest from sending to the result: the way back.
  var network = LatencyHistogram.forTimes()

  mutating func add(_ other: Latencies) {
    corrected.add(other.corrected)
    uncorrected.add(other.uncorrected)
    queue.add(other.queue)
    compute.add(other.compute)
    network.add(other.network)
  }

  mutating func reset() {
    corrected.reset()
    uncorrected.reset()
    queue.reset()
    compute.reset()
    network.reset()
  }
}
