extension MetricsText.Format {
  /// The format that a client likes best, by its header `Accept`; Prometheus's where it likes both as much, or neither.
  init(accept: String) {
    var liking = (prometheus: 0.0, openMetrics: 0.0)
    for range in accept.split(separator: ",") {
      let parts = range.split(separator: ";").map(trimmed)
      let quality = parts.dropFirst().compactMap { $0.hasPrefix("q=") ? Double($0.dropFirst(2)) : nil }.first ?? 1
      switch parts.first?.lowercased() {
      case "application/openmetrics-text" where parts.dropFirst().allSatisfy(Self.isVersionWeSpeak):
        liking.openMetrics = max(liking.openMetrics, quality)
      case "text/plain", "text/*", "*/*": liking.prometheus = max(liking.prometheus, quality)
      default: continue
      }
    }
    self = liking.openMetrics > liking.prometheus ? .openMetrics : .prometheus
  }

  private static func isVersionWeSpeak(_ parameter: Substring) -> Bool {
    !parameter.hasPrefix("version=") || parameter == "version=1.0.0"
  }
}

private func trimmed(_ text: Substring) -> Substring {
  var text = text.drop { $0 == " " || $0 == "\t" }
  while text.last == " " || text.last == "\t" { text.removeLast() }
  return text
}
