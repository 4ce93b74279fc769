import Logging

/// What all lanes have done since the start.
package struct ServiceCounts: Equatable, Sendable {
  package private(set) var requests = 0
  package private(set) var requestBytes = 0
  /// Batches that were computed.
  package private(set) var batches = 0
  package private(set) var rows = 0
  package private(set) var refusals = 0
  package private(set) var results = 0
  package private(set) var resultBytes = 0
  /// Results for clients that were gone, or that did not read for too long.
  package private(set) var droppedResults = 0

  package init() {}

  mutating func add(_ lane: LaneMetrics) {
    requests += lane.requests.value
    requestBytes += lane.requestBytes.value
    batches += lane.batches.value
    rows += lane.rows.value
    refusals += lane.refusalCount
    results += lane.results.value
    resultBytes += lane.resultBytes.value
    droppedResults += lane.dropCount
  }

  var metadata: Logger.Metadata {
    [
      "requests": "\(requests)", "request_bytes": "\(requestBytes)", "batches": "\(batches)", "rows": "\(rows)",
      "refusals": "\(refusals)", "result_bytes": "\(resultBytes)", "dropped_results": "\(droppedResults)",
    ]
  }
}
