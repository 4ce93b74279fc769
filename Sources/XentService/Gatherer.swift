import ZeroMQ

/// Takes the requests of a round from all lanes, fairly: always from the lane that has given the fewest bytes, until the
/// round is full or nothing is left. Keeps the slots of its requests for the next round.
final class Gatherer {
  /// The requests of this round, with their lanes, in the order in which they came.
  private(set) var requests: [(slot: BatchSlot, lane: any Lane)] = []
  private var spareSlots: [BatchSlot] = []
  /// One for each lane.
  private var sources: [Source] = []

  private struct Source {
    let lane: any Lane
    var byteCount = 0
    var isExhausted: Bool
  }

  var isEmpty: Bool { requests.isEmpty }

  /// - Parameter plan: is given each request as it comes.
  func gather(from lanes: [any Lane], plan: (BatchSlot, any Lane) -> Void) throws(ZeroMQError) {
    for request in requests { spareSlots.append(request.slot) }
    requests.removeAll(keepingCapacity: true)
    sources.removeAll(keepingCapacity: true)
    for lane in lanes { sources.append(Source(lane: lane, isExhausted: !lane.isReading || !lane.isReadable)) }
    var byteCount = 0
    while byteCount < ServiceConfiguration.roundByteCount, requests.count < ServiceConfiguration.roundBatchCount,
      let index = nextSource()
    {
      let slot = spareSlots.popLast() ?? BatchSlot()
      let lane = sources[index].lane
      guard try lane.receive(into: slot) else {
        sources[index].isExhausted = true
        spareSlots.append(slot)
        continue
      }
      sources[index].byteCount += slot.request.byteCount
      byteCount += slot.request.byteCount
      plan(slot, lane)
      requests.append((slot, lane))
    }
  }

  /// The lane that has given the fewest bytes of those that may have more.
  private func nextSource() -> Int? {
    var best: Int?
    for index in sources.indices where !sources[index].isExhausted {
      if let least = best, sources[least].byteCount <= sources[index].byteCount { continue }
      best = index
    }
    return best
  }
}
