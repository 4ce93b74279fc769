import XentProtocol

/// What a service is made of. Every default here stands in `Config/xentd.yaml` and in the documents too; a test compares
/// them.
package struct ServiceConfiguration: Equatable, Sendable {
  package var lanes: [LaneConfiguration]
  /// Tiles that are computed at once; nil for all cores the process may use.
  package var workerCount: Int?
  /// How long results may take to leave after a stop is asked for, in seconds.
  package var drainSeconds: Double = 5

  package init(lanes: [LaneConfiguration]) {
    self.lanes = lanes
  }

  /// What is wrong with the lanes together; nil where nothing is.
  package var problem: String? {
    if lanes.isEmpty { return "expected at least one lane, received none" }
    var names: Set<String> = []
    var endpoints: Set<String> = []
    for lane in lanes {
      guard names.insert(lane.name).inserted else {
        return "two lanes are named \(lane.name); each needs a name of its own"
      }
      for endpoint in lane.endpoints where !endpoints.insert(endpoint).inserted {
        return "two sockets would bind \(endpoint); each needs an endpoint of its own"
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
  /// Messages that libzmq keeps for each peer, in each direction.
  package static let highWaterMark: Int32 = 64
}

/// One lane: how requests come in and results go out.
package struct LaneConfiguration: Equatable, Sendable {
  /// What logs and `info` call it.
  package var name: String
  package var sockets: Sockets
  package var limits = RequestLimits()
  /// Bytes of results that may wait in xentd for this lane's consumer (on a router lane: for each client) before the
  /// lane stops reading (a router lane: before the client's batches are answered BUSY).
  package var maximumWaitingByteCount = 64 << 20

  package init(name: String, sockets: Sockets) {
    self.name = name
    self.sockets = sockets
  }

  package enum Sockets: Equatable, Sendable {
    /// A PULL socket for requests and a PUSH socket for results.
    case pipeline(requests: String, results: String)
    /// A ROUTER socket for both.
    case router(endpoint: String)
  }

  /// The endpoints that the lane binds.
  package var endpoints: [String] {
    switch sockets {
    case .pipeline(let requests, let results): [requests, results]
    case .router(let endpoint): [endpoint]
    }
  }
}
