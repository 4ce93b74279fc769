import XentProtocol
import ZeroMQ

extension BatchStream {
  /// Sends batches as far as the window and the daemons allow.
  mutating func dispatch(_ flight: inout Flight, _ batch: (Int) -> OutgoingBatch) throws {
    let time = now()
    if flight.hasSuspects {
      try sendSuspect(at: time, &flight, batch)
    } else {
      fleet.endReservations()
    }
    while flight.underWayCount < window, flight.underWayByteCount < windowByteCount,
      let place = fleet.place(at: time), let next = flight.next(at: time)
    {
      try send(batch(next.index), next.index, attempt: next.attempts + 1, to: place, &flight)
    }
  }

  /// Sends a batch under which connections broke with nothing beside it, so that no other is taken for the cause.
  private mutating func sendSuspect(at time: Double, _ flight: inout Flight, _ batch: (Int) -> OutgoingBatch) throws {
    guard let place = fleet.placeForSuspects() else { return }
    let peer = fleet.peers[place]
    guard peer.outstandingByteCount == 0, peer.isUsable(at: time), let next = flight.nextSuspect(at: time) else {
      return
    }
    try send(batch(next.index), next.index, attempt: next.attempts + 1, to: place, &flight)
  }

  private mutating func send(
    _ batch: OutgoingBatch, _ index: Int, attempt number: Int, to place: Int, _ flight: inout Flight
  ) throws {
    let peer = fleet.peers[place]
    var header = batch.header
    lastSequence += 1
    header.sequence = lastSequence
    header.clientID = clientID
    header.sentAtNanoseconds = wallNanoseconds()
    let time = now()
    let attempt = Flight.Attempt(
      index: index, peer: place, byteCount: batch.byteCount, number: number, sentAt: time,
      due: time + peer.pace.allowanceSeconds(attempt: number))
    try message.allocate(byteCount: RequestHeader.byteCount)
    header.write(to: message.unsafeMutableBytes)
    guard try peer.connection.send(&message, more: !batch.sections.isEmpty) == .sent else {
      peer.pausedUntil = time + 0.01
      flight.retry(attempt, at: time)
      return
    }
    for (section, bytes) in batch.sections.enumerated() {
      var frame = try Message(borrowing: bytes)
      _ = try peer.connection.send(&frame, more: section + 1 < batch.sections.count)
    }
    counts.sent += 1
    if number > 1 { counts.resent += 1 }
    flight.sent(attempt, sequence: lastSequence)
    peer.outstandingByteCount += attempt.byteCount
  }
}
