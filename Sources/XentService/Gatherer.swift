import ZeroMQ

/// Takes the requests of a round from all lanes, fairly by bytes (`LaneShare`), until the round is full or nothing is left.
/// Keeps the slots of its requests for the next round.
final class Gatherer {
  /// The requests of this round, with their lanes, in the order in which they came.
  private(set) var requests: [(slot: BatchSlot, lane: any Lane)] = []
  /// A request that was taken and is too large for the round: it is the first of the next, so that what is small and came
  /// with it does not wait until it is computed.
  private var carried: (slot: BatchSlot, lane: any Lane)?
  private var spareSlots: [BatchSlot] = []
  /// One for each lane.
  private var sources: [Source] = []
  /// The virtual time of `LaneShare`.
  private var now = 0

  private struct Source {
    let lane: any Lane
    var isOpen: Bool
  }

  /// Whether nothing is in the round.
  var isEmpty: Bool { requests.isEmpty }
  /// Whether the next round has a request already.
  var hasCarried: Bool { carried != nil }

  /// Whether a request of the lane is in the round, or is the first of the next.
  func hasTaken(from lane: any Lane) -> Bool {
    carried.map { $0.lane === lane } ?? false || requests.contains { $0.lane === lane }
  }

  /// Lets go a lane that is to be closed.
  func forget(_ lane: any Lane) {
    endRound()
    if let carried, carried.lane === lane {
      spareSlots.append(carried.slot)
      self.carried = nil
    }
  }

  /// Keeps the slots of the last round, and lets its lanes go.
  private func endRound() {
    for request in requests { spareSlots.append(request.slot) }
    requests.removeAll(keepingCapacity: true)
    sources.removeAll(keepingCapacity: true)
  }

  /// - Parameter plan: is given each request as it comes.
  func gather(from lanes: [any Lane], plan: (BatchSlot, any Lane) -> Void) throws(ZeroMQError) {
    endRound()
    for lane in lanes { sources.append(Source(lane: lane, isOpen: lane.isReadable)) }
    var byteCount = takeCarried()
    while byteCount < ServiceConfiguration.roundByteCount, requests.count < ServiceConfiguration.roundBatchCount,
      let index = nextSource()
    {
      let slot = spareSlots.popLast() ?? BatchSlot()
      let lane = sources[index].lane
      // There must be room for its result before a request is taken.
      guard lane.isReading, try lane.receive(into: slot) else {
        sources[index].isOpen = false
        spareSlots.append(slot)
        continue
      }
      let requestByteCount = slot.request.byteCount
      now = lane.share.start(now: now)
      lane.share.take(byteCount: requestByteCount, now: now)
      plan(slot, lane)
      byteCount += requestByteCount
      guard byteCount <= ServiceConfiguration.roundByteCount || requests.isEmpty || slot.isRefusal else {
        carried = (slot, lane)
        return
      }
      requests.append((slot, lane))
    }
  }

  /// - Returns: its bytes.
  private func takeCarried() -> Int {
    guard let carried else { return 0 }
    requests.append(carried)
    self.carried = nil
    return carried.slot.request.byteCount
  }

  /// The open lane whose next request begins first.
  private func nextSource() -> Int? {
    var best: (index: Int, start: Int)?
    for index in sources.indices where sources[index].isOpen {
      let start = sources[index].lane.share.start(now: now)
      if best.map({ start < $0.start }) ?? true { best = (index, start) }
    }
    return best?.index
  }
}
