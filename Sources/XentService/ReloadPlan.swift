import ZeroMQ

/// What a new configuration means for the lanes that there are.
struct ReloadPlan: Equatable {
  /// Lanes that go on as they are, or with what can be changed while they serve.
  private(set) var staying: [LaneConfiguration] = []
  /// The names of lanes that are drained and closed.
  private(set) var leaving: [String] = []
  /// Lanes that are opened, some of them instead of one of the same name that is leaving.
  private(set) var arriving: [LaneConfiguration] = []

  /// - Parameters:
  ///   - lanes: the lanes that serve.
  ///   - clients: the clients that may connect.
  init(
    from lanes: [LaneConfiguration], clients: [CurvePublicKey: String], to new: ServiceConfiguration
  ) {
    // A connection that was let in is not asked again: only closing the lane's sockets ends it.
    let locksSomebodyOut = clients.keys.contains { new.clients[$0] == nil }
    let serving = Dictionary(uniqueKeysWithValues: lanes.map { ($0.name, $0) })
    for lane in new.lanes {
      if let known = serving[lane.name], lane.canReplaceInPlace(known), !(locksSomebodyOut && lane.usesCurve) {
        staying.append(lane)
      } else {
        arriving.append(lane)
      }
    }
    let stayingNames = Set(staying.map(\.name))
    leaving = lanes.map(\.name).filter { !stayingNames.contains($0) }
  }
}

extension LaneConfiguration {
  /// Whether a lane that serves with `other` can serve with this without new sockets: libzmq takes the largest frame and
  /// the length of its queues when a socket is bound.
  fileprivate func canReplaceInPlace(_ other: LaneConfiguration) -> Bool {
    sockets == other.sockets && queuedRequestCount == other.queuedRequestCount
      && limits.maximumRequestByteCount == other.limits.maximumRequestByteCount
  }

  fileprivate var usesCurve: Bool { endpoints.contains { $0.security != .none } }

  /// What no two sockets can have at once: the paths and ports where it listens. (A port may be had at two addresses; but
  /// one of them may stand for all.)
  var boundPlaces: Set<String> {
    Set(
      endpoints.filter { $0.role == .bind }.map { endpoint in
        guard endpoint.address.hasPrefix("tcp://"), let colon = endpoint.address.lastIndex(of: ":") else {
          return endpoint.address
        }
        return String(endpoint.address[colon...])
      })
  }
}
