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
    let limits: JSON = [
      "batch_bytes": .integer(limits.maximumRequestByteCount), "result_bytes": .integer(limits.maximumResultByteCount),
      "rows": .integer(limits.maximumRowCount), "classes": .integer(limits.maximumClassCount),
    ]
    let message: JSON = [
      "version": .string(version), "kernel": .string(kernel), "workers": .integer(workers), "lane": .string(lane),
      "uptime_seconds": .number(uptimeSeconds), "limits": limits,
    ]
    return message.text
  }
}
