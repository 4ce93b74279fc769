import Histogram

/// Times in nanoseconds, up to an hour, to three significant digits.
typealias LatencyHistogram = Histogram<UInt64>

extension LatencyHistogram {
  static let highest: UInt64 = 3_600_000_000_000
  /// Half a microsecond is told apart below a millisecond; three digits above it.
  static let lowest: UInt64 = 512

  static func forTimes() -> LatencyHistogram {
    LatencyHistogram(
      lowestDiscernibleValue: lowest, highestTrackableValue: highest, numberOfSignificantValueDigits: .three)
  }

  /// A percentile in seconds; NaN where nothing was noted.
  func seconds(at percentile: Double) -> Double {
    totalCount == 0 ? .nan : Double(nanoseconds: valueAtPercentile(percentile))
  }

  var meanSeconds: Double { totalCount == 0 ? .nan : mean / 1e9 }
}
