import Logging

/// What a service has done since its start.
package struct ServiceCounts: Sendable {
  package var requests = 0
  package var requestBytes = 0
  /// Batches that were computed.
  package var batches = 0
  package var rows = 0
  package var refusals = 0
  package var resultBytes = 0
  /// Results for clients that were gone, or that did not read for too long.
  package var droppedResults = 0

  var metadata: Logger.Metadata {
    [
      "requests": "\(requests)", "request_bytes": "\(requestBytes)", "batches": "\(batches)", "rows": "\(rows)",
      "refusals": "\(refusals)", "result_bytes": "\(resultBytes)", "dropped_results": "\(droppedResults)",
    ]
  }
}
