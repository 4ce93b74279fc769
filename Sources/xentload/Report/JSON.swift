/// A JSON value, whose objects keep the order of their keys.
indirect enum JSON {
  case object([(String, JSON)])
  case array([JSON])
  case string(String)
  /// Null where it is not finite: JSON has no such numbers.
  case number(Double)
  case integer(Int)
  case bool(Bool)
  case null

  var text: String {
    switch self {
    case .object(let members): "{" + members.map { Self.quoted($0) + ": " + $1.text }.joined(separator: ", ") + "}"
    case .array(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .string(let string): Self.quoted(string)
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .integer(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .null: "null"
    }
  }

  private static func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": json += "\\\(scalar)"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }
}

extension Optional<Double> {
  var json: JSON { map { .number($0) } ?? .null }
}
