import Glibc

/// Figures as people read them.
enum Units {
  /// Three significant digits, without an exponent: `0.0123`, `12.3`, `12,300`.
  static func digits(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "-" : "infinite" }
    guard value != 0 else { return "0" }
    let places = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
    if places == 0 { return count(value) }
    let scale = pow(10, Double(min(places, 12)))
    let rounded = (value * scale).rounded() / scale
    var text = fixed(rounded, places: min(places, 12))
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return text
  }

  /// A whole number with commas.
  static func count(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e18 else { return "-" }
    let whole = String(Int(value.rounded()).magnitude)
    var text = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value.rounded() < 0 ? "-" : "") + text
  }

  /// `12.3 µs`
  static func seconds(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let magnitude = abs(value)
    if magnitude < 1e-6 { return digits(value * 1e9) + " ns" }
    if magnitude < 1e-3 { return digits(value * 1e6) + " µs" }
    if magnitude < 1 { return digits(value * 1e3) + " ms" }
    return digits(value) + " s"
  }

  /// `4.19 MB`
  static func bytes(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("KB", 1e3)] where abs(value) >= size {
      return digits(value / size) + " " + unit
    }
    return count(value) + " B"
  }

  /// `12.3 %`
  static func percent(_ share: Double) -> String { share.isFinite ? digits(share * 100) + " %" : "-" }

  static func fixed(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scale = (0..<places).reduce(1) { product, _ in product * 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if places == 0 { return "\(sign)\(scaled)" }
    return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
