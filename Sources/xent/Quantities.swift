// Numbers as people read them.

/// Three digits and the unit's prefix: `812 MB`, `41.2 k`.
func quantity(_ value: Double, _ unit: String = "") -> String {
  var value = value
  var prefixes = ["", "k", "M", "G", "T", "P"][...]
  while abs(value) >= 999.5, prefixes.count > 1 {
    value /= 1000
    prefixes.removeFirst()
  }
  let text = threeDigits(value, isWhole: prefixes.count == 6)
  let suffix = prefixes.first! + unit
  return suffix.isEmpty ? text : "\(text) \(suffix)"
}

func quantity(_ value: Int, _ unit: String = "") -> String { quantity(Double(value), unit) }

/// A time in the unit that suits it: `12.5 µs`, `3.02 ms`.
func duration(_ seconds: Double) -> String {
  switch seconds {
  case ..<0.9995e-3: "\(threeDigits(seconds * 1e6, isWhole: false)) µs"
  case ..<0.9995: "\(threeDigits(seconds * 1e3, isWhole: false)) ms"
  default: "\(threeDigits(seconds, isWhole: false)) s"
  }
}

/// A long time: `42 s`, `3 h 12 min`, `5 d 2 h`.
func age(_ seconds: Double) -> String {
  let seconds = Int(seconds)
  return switch seconds {
  case ..<60: "\(seconds) s"
  case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
  case ..<86400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
  default: "\(seconds / 86400) d \(seconds % 86400 / 3600) h"
  }
}

/// `1 batch`, `2 batches`.
func counted(_ count: Int, _ singular: String, _ plural: String) -> String {
  count == 1 ? "1 \(singular)" : "\(quantity(count)) \(plural)"
}

private func threeDigits(_ value: Double, isWhole: Bool) -> String {
  if isWhole, value == value.rounded() { return fixed(value, places: 0) }
  return switch abs(value) {
  case ..<9.995: fixed(value, places: 2)
  case ..<99.95: fixed(value, places: 1)
  default: fixed(value, places: 0)
  }
}

/// A number of moderate size with so many decimal places.
private func fixed(_ value: Double, places: Int) -> String {
  let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
  let scaled = Int((abs(value) * Double(scale)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard places > 0 else { return "\(sign)\(scaled)" }
  let decimals = "\(scaled % scale)"
  return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - decimals.count) + decimals
}

/// Lines of columns, the first to the left and the others to the right.
func table(_ rows: [[String]], indent: Int = 2) -> [String] {
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = row.enumerated().map { column, cell in
      let space = String(repeating: " ", count: widths[column] - cell.count)
      return column == 0 ? cell + space : space + cell
    }
    return String(repeating: " ", count: indent) + cells.joined(separator: "  ")
  }
}
