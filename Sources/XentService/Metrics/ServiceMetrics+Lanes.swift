// The lanes, which come and go when the configuration is read again.

extension ServiceMetrics {
  struct LaneList {
    var lanes: [LaneMetrics] = []
    /// What lanes did that are not served any more.
    var retired = ServiceCounts()
  }

  /// The lanes that are served now.
  package var lanes: [LaneMetrics] { laneList.withLock { $0.lanes } }

  func add(_ lane: LaneMetrics) { laneList.withLock { $0.lanes.append(lane) } }

  func remove(_ lane: LaneMetrics) {
    laneList.withLock { list in
      guard let index = list.lanes.firstIndex(where: { $0 === lane }) else { return }
      list.lanes.remove(at: index)
      list.retired.add(lane)
    }
  }

  /// What all lanes have done, those that are gone included.
  package var counts: ServiceCounts {
    laneList.withLock { list in
      var counts = list.retired
      for lane in list.lanes { counts.add(lane) }
      return counts
    }
  }

  package var inflightBatches: Int { lanes.reduce(roundBatches.value) { $0 + $1.waitingResults.value } }
  package var inflightBytes: Int { lanes.reduce(roundBytes.value) { $0 + $1.waitingBytes.value } }
}
