import ArgumentParser

/// A condition on a run's figures: `p99<5ms`, `throughput>=2000`, `errors>0`.
struct Condition: ExpressibleByArgument, Sendable {
  enum Comparison: String, CaseIterable, Sendable {
    // Two characters first: `<` begins `<=`.
    case atMost = "<="
    case atLeast = ">="
    case less = "<"
    case more = ">"

    func holds(_ value: Double, _ limit: Double) -> Bool {
      switch self {
      case .atMost: value <= limit
      case .atLeast: value >= limit
      case .less: value < limit
      case .more: value > limit
      }
    }
  }

  enum Metric: Equatable, Sendable {
    /// Corrected latency, in seconds.
    case percentile(Double)
    case mean
    case maximum
    /// Batches a second.
    case throughput
    /// Rows a second.
    case rows
    /// Batches that were turned away or failed.
    case errors
  }

  let text: String
  let metric: Metric
  let comparison: Comparison
  let limit: Double

  static let help =
    "p50 to p99.999, mean or max (with ns, us, ms or s), throughput (batches/s), rows (rows/s), errors; <, <=, > or >="

  init?(argument: String) {
    let text = argument.filter { $0 != " " }
    guard let comparison = Comparison.allCases.first(where: { text.contains($0.rawValue) }) else { return nil }
    let sides = text.split(separator: Character(String(comparison.rawValue.first!)), maxSplits: 1)
    guard sides.count == 2, let metric = Self.metric(String(sides[0])) else { return nil }
    let number = sides[1].drop { $0 == "=" }
    guard let limit = Self.limit(String(number), of: metric) else { return nil }
    self.text = argument
    self.metric = metric
    self.comparison = comparison
    self.limit = limit
  }

  private static func metric(_ name: String) -> Metric? {
    switch name {
    case "mean": return .mean
    case "max": return .maximum
    case "throughput": return .throughput
    case "rows": return .rows
    case "errors": return .errors
    default:
      guard name.hasPrefix("p"), let value = Double(name.dropFirst()), value > 0, value <= 100 else { return nil }
      return .percentile(value)
    }
  }

  private static func limit(_ text: String, of metric: Metric) -> Double? {
    switch metric {
    case .throughput, .rows, .errors: return finite(text)
    case .percentile, .mean, .maximum:
      for (unit, factor) in [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1)]
      where text.hasSuffix(unit) {
        return finite(String(text.dropLast(unit.count))).map { $0 * factor }
      }
      return nil
    }
  }

  private static func finite(_ text: String) -> Double? { Double(text).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } }

  /// Whether it holds for what a run came to. A latency that nothing was noted of is above every limit.
  func holds(for outcome: RunOutcome) -> Bool { comparison.holds(value(outcome), limit) }

  func value(_ outcome: RunOutcome) -> Double {
    let corrected = outcome.total.latencies.corrected
    let value =
      switch metric {
      case .percentile(let percentile): corrected.seconds(at: percentile)
      case .mean: corrected.meanSeconds
      case .maximum: corrected.seconds(at: 100)
      case .throughput: outcome.total.batchesPerSecond
      case .rows: outcome.total.rowsPerSecond
      case .errors: Double(outcome.total.turnedAwayCount + outcome.violations.count)
      }
    guard value.isNaN else { return value }
    switch metric {
    case .throughput, .rows, .errors: return 0
    case .percentile, .mean, .maximum: return .infinity
    }
  }

  /// `p99 was 6.1 ms`
  func finding(_ outcome: RunOutcome) -> String {
    let value = value(outcome)
    return switch metric {
    case .percentile(let percentile): "p\(Units.digits(percentile)) was \(Units.seconds(value))"
    case .mean: "the mean latency was \(Units.seconds(value))"
    case .maximum: "the largest latency was \(Units.seconds(value))"
    case .throughput: "throughput was \(Units.digits(value)) batches/s"
    case .rows: "throughput was \(Units.digits(value)) rows/s"
    case .errors: "\(Units.count(value)) batches failed or were turned away"
    }
  }
}
