import XentService

/// The text of metrics as Prometheus reads it.
struct MetricsText {
  enum Format {
    /// Prometheus's text format, version 0.0.4.
    case prometheus
    /// OpenMetrics 1.0: names of counters without `_total` where they are described, and a mark at the end.
    case openMetrics

    var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  enum Kind: String {
    case counter
    case gauge
    /// Labels of which the value says nothing; Prometheus's text format calls it a gauge.
    case info
    case histogram
  }

  typealias Labels = [(name: String, value: String)]

  struct Sample {
    var labels: Labels = []
    let value: Double

    init(_ value: Double, _ labels: Labels = []) {
      self.value = value
      self.labels = labels
    }

    init(_ value: Int, _ labels: Labels = []) { self.init(Double(value), labels) }
  }

  private let format: Format
  private var text = ""

  init(_ format: Format) { self.format = format }

  /// A family of metrics with all its samples.
  mutating func add(_ kind: Kind, _ name: String, _ help: String, _ samples: [Sample]) {
    describe(kind, name, help)
    for sample in samples { write(name, sample.labels, sample.value) }
  }

  /// A family of one sample.
  mutating func add(_ kind: Kind, _ name: String, _ help: String, _ value: Double) {
    add(kind, name, help, [Sample(value)])
  }

  mutating func add(_ kind: Kind, _ name: String, _ help: String, _ value: Int) {
    add(kind, name, help, Double(value))
  }

  /// A family of histograms.
  /// - Parameter divisor: how many of a recorded value make one of the metric's unit.
  mutating func add(
    _ name: String, _ help: String, per divisor: Double, _ histograms: [(labels: Labels, histogram: Histogram)]
  ) {
    describe(.histogram, name, help)
    for (labels, histogram) in histograms {
      let counts = histogram.bucketCounts
      var total = 0
      for (index, count) in counts.enumerated() {
        total += count
        let bound = index < Histogram.boundCount ? "\(Double(histogram.bounds[index]) / divisor)" : "+Inf"
        write(name + "_bucket", labels + [("le", bound)], Double(total))
      }
      write(name + "_sum", labels, Double(histogram.sum) / divisor)
      write(name + "_count", labels, Double(total))
    }
  }

  /// The whole text.
  consuming func finished() -> [UInt8] {
    if format == .openMetrics { text += "# EOF\n" }
    return Array(text.utf8)
  }

  private mutating func describe(_ kind: Kind, _ name: String, _ help: String) {
    let (family, kindName): (String, String) =
      switch (format, kind) {
      case (.openMetrics, .counter): (name.without(suffix: "_total"), "counter")
      case (.openMetrics, .info): (name.without(suffix: "_info"), "info")
      case (.prometheus, .info): (name, "gauge")
      default: (name, kind.rawValue)
      }
    text += "# HELP \(family) \(help)\n# TYPE \(family) \(kindName)\n"
  }

  private mutating func write(_ name: String, _ labels: Labels, _ value: Double) {
    text += name
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        text += index > 0 ? ",\(label.name)=\"" : "\(label.name)=\""
        escape(label.value)
        text += "\""
      }
      text += "}"
    }
    text += " "
    if let whole = Int(exactly: value) { text += "\(whole)" } else { text += "\(value)" }
    text += "\n"
  }

  private mutating func escape(_ value: String) {
    for character in value.unicodeScalars {
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(character)
      }
    }
  }
}

extension String {
  fileprivate func without(suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
