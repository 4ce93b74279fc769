/// What a daemon tells of itself and of the lane that was asked.
package struct InfoMessage: Sendable {
  package var version: String
  package var kernel: String
  package var workers: Int
  package var lane: String
  package var uptimeSeconds: Double
  package var limits: RequestLimits

  package init(
    version: String, kernel: String, workers: Int, lane: String, uptimeSeconds: Double, limits: RequestLimits
  ) {
    self.version = version
    self.kernel = kernel
    self.workers = workers
    self.lane = lane
    self.uptimeSeconds = uptimeSeconds
    self.limits = limits
  }

  /// The JSON object of an info result's message.
  package func json() -> String {
    """
    {"version": \(quoted(version)), "kernel": \(quoted(kernel)), "workers": \(workers), "lane": \(quoted(lane)), \
    "uptime_seconds": \(uptimeSeconds), "limits": {"batch_bytes": \(limits.maximumRequestByteCount), \
    "result_bytes": \(limits.maximumResultByteCount), "rows": \(limits.maximumRowCount), \
    "classes": \(limits.maximumClassCount)}}
    """
  }

  private func quoted(_ text: String) -> String {
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
