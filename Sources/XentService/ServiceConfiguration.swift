import XentProtocol
import ZeroMQ

/// What a service is made of. Every default here stands in `Config/xentd.yaml` and in the documents too; a test compares
/// them.
package struct ServiceConfiguration: Equatable, Sendable {
  package var lanes: [LaneConfiguration]
  /// The names of the clients that may connect to endpoints with CURVE, by their public keys.
  package var clients: [CurvePublicKey: String] = [:]
  /// Tiles that are computed at once; nil for all cores the process may use.
  package var workerCount: Int?
  /// How long results may take to leave after a stop is asked for, in seconds.
  package var drainSeconds: Double = 5
  /// How often a batch whose answer is known is computed, in seconds; 0 for never.
  package var selfTestSeconds: Double = 5

  /// Resident memory of the process, in bytes; nil for what `AvailableMemory` finds.
  package var memoryByteLimit: Int?

  package init(lanes: [LaneConfiguration]) {
    self.lanes = lanes
  }

  /// What is wrong with the lanes together; nil where nothing is.
  package var problem: String? {
    if lanes.isEmpty { return "expected at least one lane, received none" }
    var names: Set<String> = []
    var addresses: Set<String> = []
    for lane in lanes {
      if let problem = lane.problem { return problem }
      guard names.insert(lane.name).inserted else {
        return "two lanes are named \(lane.name); each needs a name of its own"
      }
      for endpoint in lane.endpoints where endpoint.role == .bind && !addresses.insert(endpoint.address).inserted {
        return "two sockets would bind \(endpoint.address); each needs an endpoint of its own"
      }
    }
    return nil
  }

  /// How many workers can be asked for.
  package static let workerCounts = 1...4096
  /// Requests that are gathered before they are computed, in bytes. A round is at most this and one largest request.
  package static let roundByteCount = 32 << 20
  /// Batches in a round at the most.
  package static let roundBatchCount = 1024
  /// Results that libzmq keeps for each peer. Small ones: large ones are counted, in bytes (`ResultAccount`).
  package static let sendHighWaterMark: Int32 = 128
}
