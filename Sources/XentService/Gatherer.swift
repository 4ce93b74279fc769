import ZeroMQ

/// Takes the requests of a round from all lanes, fairly by bytes (`LaneShare`), until the round is full or nothing is left.
final class Gatherer {
  /// The round's requests in the order in which they came, then the one that is carried, then what is spare.
  @exclusivity(unchecked) private var slots: [BatchSlot] = []
  /// How many requests are in the round.
  @exclusivity(unchecked) private(set) var count = 0
  /// Whether a request was taken that is too large for the round: it is the first of the next, so that what is small and
  /// came with it does not wait until it is computed.
  private(set) var hasCarried = false
  /// One for each lane.
  @exclusivity(unchecked) private var sources: [Source] = []
  /// The virtual time of `LaneShare`.
  @exclusivity(unchecked) private var now = 0

  private struct Source {
    let lane: any Lane
    var share: LaneShare
    var isOpen: Bool
  }

  /// The requests of this round.
  var requests: ArraySlice<BatchSlot> { slots[..<count] }

  /// Lets go a lane that is to be closed, with what was taken of it.
  func forget(_ lane: any Lane) {
    if hasCarried, slots[count].lane === lane { hasCarried = false }
    endRound()
    for slot in slots where slot.lane === lane { slot.lane = nil }
  }

  /// Empties the round but for what was carried.
  private func endRound() {
    if hasCarried { slots.swapAt(0, count) }
    count = 0
  }

  /// - Parameter plan: is given each request as it comes.
  func gather(from lanes: [any Lane], plan: (BatchSlot, any Lane) -> Void) throws(ZeroMQError) {
    var byteCount = beginRound()
    for lane in lanes { sources.append(Source(lane: lane, share: lane.share, isOpen: lane.isReadable)) }
    defer { closeSources() }
    while byteCount < ServiceConfiguration.roundByteCount, count < ServiceConfiguration.roundBatchCount,
      let index = nextSource()
    {
      let lane = sources[index].lane
      let slot = spareSlot()
      // There must be room for its result before a request is taken.
      guard lane.isReading, try lane.receive(into: slot) else {
        sources[index].isOpen = false
        continue
      }
      if slot.lane !== lane { slot.lane = lane }
      let requestByteCount = slot.request.byteCount
      now = sources[index].share.start(now: now)
      sources[index].share.take(byteCount: requestByteCount, now: now)
      plan(slot, lane)
      byteCount += requestByteCount
      guard byteCount <= ServiceConfiguration.roundByteCount || count == 0 || slot.isRefusal else {
        hasCarried = true
        return
      }
      count += 1
    }
  }

  /// - Returns: the bytes of the request that was carried into the round.
  private func beginRound() -> Int {
    endRound()
    guard hasCarried else { return 0 }
    hasCarried = false
    count = 1
    return slots[0].request.byteCount
  }

  private func closeSources() {
    for source in sources { source.lane.share = source.share }
    sources.removeAll(keepingCapacity: true)
  }

  private func spareSlot() -> BatchSlot {
    if count == slots.count { slots.append(BatchSlot()) }
    return slots[count]
  }

  /// The open lane whose next request begins first.
  private func nextSource() -> Int? {
    var best: (index: Int, start: Int)?
    for index in sources.indices where sources[index].isOpen {
      let start = sources[index].share.start(now: now)
      if best.map({ start < $0.start }) ?? true { best = (index, start) }
    }
    return best?.index
  }
}
