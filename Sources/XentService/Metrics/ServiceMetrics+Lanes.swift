// The lanes, which come and go when the configuration is read again.

extension ServiceMetrics {
  struct LaneList {
    var lanes: [LaneMetrics] = []
    /// Lanes that are departing and have a successor of the same name.
    var superseded: [LaneMetrics] = []
    /// What lanes did that are not served any more.
    var retired = ServiceCounts()
  }

  /// The lanes that are served now, each name once.
  package var lanes: [LaneMetrics] { laneList.withLock { $0.lanes } }

  /// Adds a lane, in the place of one of the same name.
  func add(_ lane: LaneMetrics) {
    laneList.withLock { list in
      let name = lane.configuration.name
      guard let index = list.lanes.firstIndex(where: { $0.configuration.name == name }) else {
        return list.lanes.append(lane)
      }
      list.superseded.append(list.lanes[index])
      list.lanes[index] = lane
    }
  }

  /// Removes a lane that is closed. What it did still counts.
  func remove(_ lane: LaneMetrics) {
    laneList.withLock { list in
      list.retired.add(lane)
      list.superseded.removeAll { $0 === lane }
      guard let index = list.lanes.firstIndex(where: { $0 === lane }) else { return }
      let name = lane.configuration.name
      if let older = list.superseded.lastIndex(where: { $0.configuration.name == name }) {
        list.lanes[index] = list.superseded.remove(at: older)
      } else {
        list.lanes.remove(at: index)
      }
    }
  }

  /// What all lanes have done, those that are gone included.
  package var counts: ServiceCounts {
    laneList.withLock { list in
      var counts = list.retired
      for lane in list.lanes + list.superseded { counts.add(lane) }
      return counts
    }
  }

  package var inflightBatches: Int { lanes.reduce(roundBatches.value) { $0 + $1.waitingResults.value } }
  package var inflightBytes: Int { lanes.reduce(roundBytes.value) { $0 + $1.waitingBytes.value } }
}
