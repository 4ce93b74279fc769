/// The samples of a Prometheus text exposition.
/// - Source: Prometheus documentation, "Exposition formats", text format 0.0.4.
struct PrometheusText: Sendable {
  struct Sample: Sendable, Equatable {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  let samples: [Sample]

  init(_ text: String) { samples = text.split(separator: "\n").compactMap(Self.sample) }

  /// The sum of a metric's samples that have these labels; nil where there is none.
  func sum(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let found = samples.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
  }

  /// The values that a label has in a metric, in their order.
  func values(of label: String, in name: String) -> [String] {
    var seen: [String] = []
    for sample in samples where sample.name == name {
      if let value = sample.labels[label], !seen.contains(value) { seen.append(value) }
    }
    return seen
  }

  private static func sample(_ line: Substring) -> Sample? {
    guard !line.hasPrefix("#") else { return nil }
    guard let open = line.firstIndex(of: "{") else {
      let parts = line.split(separator: " ")
      guard parts.count >= 2, let value = number(parts[1]) else { return nil }
      return Sample(name: String(parts[0]), labels: [:], value: value)
    }
    var labels: [String: String] = [:]
    var rest = line[line.index(after: open)...]
    while let equals = rest.firstIndex(of: "="), rest.first != "}" {
      let name = rest[..<equals].drop { ", ".contains($0) }
      guard let start = rest.index(equals, offsetBy: 2, limitedBy: rest.endIndex) else { return nil }
      rest = rest[start...]
      var value = ""
      while let character = rest.popFirst(), character != "\"" {
        // An escaped character stands for itself; of line feeds there is none in what is looked for here.
        value.append(character == "\\" ? rest.popFirst() ?? "\\" : character)
      }
      labels[String(name)] = value
    }
    guard let value = rest.drop(while: { "} ".contains($0) }).split(separator: " ").first.flatMap(number) else {
      return nil
    }
    return Sample(name: String(line[..<open]), labels: labels, value: value)
  }

  private static func number(_ text: Substring) -> Double? {
    text == "+Inf" ? .infinity : text == "-Inf" ? -.infinity : Double(text)
  }
}
