/// What memory a service takes at the most, computed from its configuration.
///
/// `ownByteCount` is kept by accounting, and must fit the limit. What libzmq queues is counted in messages: its product can
/// be far more than the limit, which `MemoryGuard` keeps then.
package struct MemoryBudget: Equatable, Sendable {
  /// The program, its threads and what the allocator keeps.
  package let processByteCount: Int
  /// Requests: a round, the one that was too large for it, and one that is looked at.
  package let requestByteCount: Int
  /// Results that wait or are computed, of all lanes, and one that is copied to make room for a message.
  package let resultByteCount: Int
  /// Requests that libzmq may queue.
  package let queuedByteCount: Int

  package init(_ configuration: ServiceConfiguration, workerCount: Int) {
    let lanes = configuration.lanes
    let largestRequest = lanes.map(\.limits.maximumRequestByteCount).max() ?? 0
    let largestResult = lanes.map(\.limits.maximumResultByteCount).max() ?? 0
    processByteCount = Self.programByteCount + workerCount * Self.workerByteCount
    requestByteCount = max(ServiceConfiguration.roundByteCount, largestRequest) + 3 * largestRequest
    resultByteCount = lanes.reduce(largestResult) { $0 + $1.resultByteCount }
    queuedByteCount = lanes.reduce(0) { sum, lane in
      let (product, overflows) = lane.limits.maximumRequestByteCount.multipliedReportingOverflow(
        by: lane.queuedRequestCount * lane.maximumPeerCount * lane.requestEndpoints.count)
      return overflows || product > .max - sum ? .max : sum + product
    }
  }

  private static let programByteCount = 64 << 20
  /// What a worker computes with takes less.
  static let workerByteCount = 256 << 10

  /// Requests and results that xentd itself holds.
  var inflightByteCount: Int { requestByteCount + resultByteCount }

  /// What xentd itself holds.
  package var ownByteCount: Int { processByteCount + requestByteCount + resultByteCount }

  /// Why the configuration does not fit a limit; nil where it does.
  package func problem(limit: Int) -> String? {
    guard ownByteCount > limit else { return nil }
    return
      "memory_limit: \(limit) bytes, and the configuration needs \(ownByteCount): \(processByteCount) for the process, "
      + "\(requestByteCount) for requests and \(resultByteCount) for results; raise memory_limit, or lower batch_bytes, "
      + "result_bytes, waiting_bytes or clients_waiting_bytes"
  }
}

extension LaneConfiguration {
  /// Bytes that its results take at the most. Before a pipeline lane takes a request, it has room for a largest result;
  /// what would be too much on a router lane is answered BUSY.
  fileprivate var resultByteCount: Int {
    switch sockets {
    case .pipeline: maximumWaitingByteCount + limits.maximumResultByteCount
    case .router:
      maximumClientsWaitingByteCount
        + requestEndpoints.count * maximumPeerCount * RouterLane.maximumRefusalByteCount
    }
  }
}
