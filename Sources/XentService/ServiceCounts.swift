import Logging
import XentProtocol

/// What a lane has done since its start.
package struct LaneCounts: Sendable {
  package var requests = 0
  package var requestBytes = 0
  /// Batches that were computed.
  package var batches = 0
  package var rows = 0
  package var resultBytes = 0
  /// Requests that were refused, those whose client must wait or whose deadline had passed among them.
  package var refusals = 0
  package var busy = 0
  package var expired = 0
  /// Results for clients that were gone, or that did not read for too long.
  package var droppedResults = 0
  /// How often a second consumer of results came to a pipeline lane.
  package var secondConsumers = 0
  /// How often the socket of requests was opened anew to keep the limit of memory.
  package var memoryResets = 0
  /// Peers that were disconnected because there were too many.
  package var refusedPeers = 0

  mutating func refuse(_ status: Status) {
    refusals += 1
    if status == .busy { busy += 1 }
    if status == .expired { expired += 1 }
  }

  mutating func add(_ other: LaneCounts) {
    requests += other.requests
    requestBytes += other.requestBytes
    batches += other.batches
    rows += other.rows
    resultBytes += other.resultBytes
    refusals += other.refusals
    busy += other.busy
    expired += other.expired
    droppedResults += other.droppedResults
    secondConsumers += other.secondConsumers
    memoryResets += other.memoryResets
    refusedPeers += other.refusedPeers
  }
}

/// What a service has done since its start.
package struct ServiceCounts: Sendable {
  /// Of all lanes together.
  package private(set) var all = LaneCounts()

  init(_ lanes: [any Lane]) {
    for lane in lanes { all.add(lane.counts) }
  }

  var metadata: Logger.Metadata {
    [
      "requests": "\(all.requests)", "request_bytes": "\(all.requestBytes)", "batches": "\(all.batches)",
      "rows": "\(all.rows)", "refusals": "\(all.refusals)", "result_bytes": "\(all.resultBytes)",
      "dropped_results": "\(all.droppedResults)",
    ]
  }
}
