import ZeroMQ

/// The daemons of a client: which of them gets the next batch.
struct Fleet {
  let peers: [DaemonPeer]

  /// The place of the daemon with the fewest bytes under way, of those that can be used.
  func place(at time: Double) -> Int? {
    peers.indices.filter { peers[$0].isUsable(at: time) && !peers[$0].isReserved }
      .min { peers[$0].outstandingByteCount < peers[$1].outstandingByteCount }
  }

  /// The place of the daemon that takes one batch at a time, to find out which breaks connections; chosen here if need be.
  func placeForSuspects() -> Int? {
    let ready = peers.indices.filter { peers[$0].state == .ready }
    let place =
      ready.first { peers[$0].isReserved }
      ?? ready.min { peers[$0].outstandingByteCount < peers[$1].outstandingByteCount }
    if let place { peers[place].isReserved = true }
    return place
  }

  /// Has all daemons take many batches again.
  func endReservations() {
    for peer in peers where peer.outstandingByteCount == 0 { peer.isReserved = false }
  }

  func isAnotherReady(than place: Int) -> Bool {
    peers.indices.contains { $0 != place && peers[$0].state == .ready }
  }

  /// What keeps all daemons from letting us in, as the first tells it: where none ever will, or where none has yet and it is late.
  func lockout(isLate: Bool) -> (endpoint: String, Lockout)? {
    guard peers.allSatisfy({ $0.lockout.map { isLate || $0.isFinal } ?? false }) else { return nil }
    return peers.first.flatMap { peer in peer.lockout.map { (peer.endpoints.description, $0) } }
  }

  var description: String { peers.map(\.endpoints.description).joined(separator: ", ") }
}
