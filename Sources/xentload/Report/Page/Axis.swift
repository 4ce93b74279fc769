import Glibc

/// Values along one side of a chart, and where they lie: 0 to 1.
struct Axis {
  enum Scale {
    case linear
    case logarithmic
    /// Percentiles, each nine as wide as the one before.
    case nines
  }

  let title: String
  let scale: Scale
  let range: ClosedRange<Double>
  let format: (Double) -> String

  /// - Parameter values: what must fit. Without any, the axis runs from 0 to 1.
  init(_ title: String, _ scale: Scale, fitting values: [Double], format: @escaping (Double) -> String) {
    self.title = title
    self.scale = scale
    self.format = format
    let values = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
    guard let least = values.min(), let most = values.max() else {
      range = 0...1
      return
    }
    switch scale {
    case .linear: range = 0...max(most * 1.08, 1e-12)
    case .logarithmic: range = pow(10, log10(least).rounded(.down))...pow(10, log10(most * 1.0001).rounded(.up))
    case .nines: range = 0...most
    }
  }

  /// Where a value lies; nil where it does not.
  func place(_ value: Double) -> Double? {
    guard value.isFinite, range.upperBound > range.lowerBound else { return nil }
    let place =
      (position(value) - position(range.lowerBound)) / (position(range.upperBound) - position(range.lowerBound))
    return place.isFinite ? min(max(place, -0.02), 1.02) : nil
  }

  private func position(_ value: Double) -> Double {
    switch scale {
    case .linear: value
    case .logarithmic: log10(max(value, range.lowerBound))
    case .nines: Self.nines(value)
    }
  }

  /// 0 for the median of nothing, 1 for 90, 2 for 99.
  private static func nines(_ percentile: Double) -> Double { -log10(max(1 - percentile / 100, 1e-9)) }

  /// Values at which the axis has a mark.
  var ticks: [Double] {
    switch scale {
    case .linear: linearTicks
    case .logarithmic: logarithmicTicks
    case .nines: [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter { $0 <= range.upperBound }
    }
  }

  private var linearTicks: [Double] {
    let rough = (range.upperBound - range.lowerBound) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    return stride(from: 0, through: range.upperBound, by: step).map { $0 }
  }

  private var logarithmicTicks: [Double] {
    let powers = Int(log10(range.lowerBound).rounded())...Int(log10(range.upperBound).rounded())
    let tens = powers.map { pow(10, Double($0)) }
    guard tens.count <= 3 else { return tens }
    return tens.flatMap { ten in [1, 2, 5].map { $0 * ten } }.filter { range.contains($0) }
  }
}
