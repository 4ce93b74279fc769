/// Whether a run repeats itself: its last three windows agree in throughput and in p99.
struct Stability: Sendable, Equatable {
  static let windowCount = 3
  static let mostWindows = 10
  /// How far windows may be from their mean.
  static let tolerance = 0.1

  /// The largest deviation from the mean of the last windows, as a part of it; nil with fewer than three windows.
  let throughputSpread: Double?
  let p99Spread: Double?

  init(_ windows: [Interval]) {
    guard windows.count >= Self.windowCount else {
      throughputSpread = nil
      p99Spread = nil
      return
    }
    let last = windows.suffix(Self.windowCount)
    throughputSpread = Self.spread(last.map(\.batchesPerSecond))
    p99Spread = Self.spread(last.map { $0.latencies.corrected.seconds(at: 99) })
  }

  var isStable: Bool {
    guard let throughputSpread, let p99Spread else { return false }
    return throughputSpread <= Self.tolerance && p99Spread <= Self.tolerance
  }

  static func spread(_ values: [Double]) -> Double? {
    let mean = values.reduce(0, +) / Double(values.count)
    guard mean > 0 else { return nil }
    return values.map { abs($0 - mean) / mean }.max()
  }
}
