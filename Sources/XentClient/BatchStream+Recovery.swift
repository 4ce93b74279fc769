import ZeroMQ

extension BatchStream {
  /// Sees which results are overdue, and which daemons say nothing.
  mutating func lookAtTheClock(_ flight: inout Flight) throws(ZeroMQError) {
    let time = now()
    for (place, peer) in fleet.peers.enumerated() {
      try peer.noteLockout()
      if peer.isHanging(now: time) {
        counts.hangs += 1
        giveUp(&flight, at: time) { $0.peer == place }
        try peer.reset(context: context, now: time, isSilent: true)
      }
      if peer.wantsToBeAsked(now: time) { try ask(peer, time) }
    }
    for attempt in flight.underWay.values where attempt.due < time {
      let peer = fleet.peers[attempt.peer]
      if peer.isLate(sentAt: attempt.sentAt) { try ask(peer, time) }
    }
    // More of the same would not help a daemon that hangs or is slow, so where it is the only one it is waited for.
    let fleet = fleet
    giveUp(&flight, at: time) { attempt in
      guard attempt.due < time else { return false }
      return fleet.peers[attempt.peer].answeredAt > attempt.sentAt || fleet.isAnotherReady(than: attempt.peer)
    }
  }

  /// Gives a connection up that broke: what was under way goes elsewhere, or here once it is back.
  mutating func dialAnew(_ place: Int, _ flight: inout Flight) throws {
    let time = now()
    let peer = fleet.peers[place]
    counts.breaks += 1
    let culprit = flight.connectionBroke(peer: place, isReserved: peer.isReserved)
    giveUp(&flight, at: time) { $0.peer == place }
    try peer.reset(context: context, now: time, isSilent: false)
    guard let (attempt, breaks) = culprit else { return }
    throw ClientError.undeliverable(
      endpoint: peer.endpoints.description, batch: attempt.index, byteCount: attempt.byteCount, breaks: breaks.count,
      loneBreaks: breaks.loneCount)
  }

  mutating func giveUp(_ flight: inout Flight, at time: Double, where isLost: (Flight.Attempt) -> Bool) {
    for attempt in flight.underWay.values where isLost(attempt) {
      fleet.peers[attempt.peer].outstandingByteCount -= attempt.byteCount
    }
    flight.giveUp(at: time, where: isLost)
  }

  private mutating func ask(_ peer: DaemonPeer, _ time: Double) throws(ZeroMQError) {
    lastSequence += 1
    try peer.ask(&message, sequence: lastSequence, clientID: clientID, now: time)
  }
}
