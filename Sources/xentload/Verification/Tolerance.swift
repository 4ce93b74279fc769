import XentProtocol

/// How far a result may be from the exact value: what the daemon promises.
struct Tolerance: Sendable {
  /// Of a loss, in units of the last place of its type.
  let ulps: Double

  /// - Parameter kernel: as the daemon names it; the baseline has no fused multiply-add.
  init(_ header: RequestHeader, kernel: String) {
    // The reference is itself rounded to f64 once: half a unit where that is the result's type.
    switch (header.logitsType, header.labelKind) {
    case (.f64, .probabilities): ulps = 16.5
    case (.f64, _): ulps = 4.5
    case (_, .probabilities): ulps = 4
    case (_, _): ulps = kernel == "baseline" ? 2.5 : 1.5
    }
  }

  /// The distance of a loss from the exact one, in units of the last place; infinite where only one of them is a number.
  static func distance(_ loss: Double, from exact: Double, isFloat64: Bool) -> Double {
    if loss == exact || (loss.isNaN && exact.isNaN) { return 0 }
    guard loss.isFinite, exact.isFinite else { return .infinity }
    let unit = isFloat64 ? exact.ulp : Double(Float(exact).ulp)
    return abs(loss - exact) / unit
  }
}
