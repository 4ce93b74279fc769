import XentProtocol
import ZeroMQ

extension BatchStream {
  /// Faults of the daemon's after which a batch is given up.
  private static let longestAttempts = 12

  /// Takes the message that has come: a result completes a batch, a refusal sends it again or ends the stream, and both tell
  /// of the daemon.
  mutating func take(
    from place: Int, _ flight: inout Flight, _ handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    let bytes = message.unsafeBytes.bytes
    let result: BatchResult
    do throws(ResultError) {
      result = try BatchResult(parsing: bytes)
    } catch {
      counts.unreadable += 1
      unreadable = error.description
      return
    }
    let header = result.header
    guard header.clientID == clientID else {
      counts.foreign += 1
      return
    }
    let time = now()
    hear(header, from: place, at: time, &flight)
    let peer = fleet.peers[place]
    if header.type == .infoResult {
      if peer.tookAnswer(header, message: result.message(in: bytes)) { lastProgress = max(lastProgress, time) }
      return
    }
    guard let (attempt, wasGivenUp) = flight.landed(sequence: header.sequence) else {
      counts.unawaited += 1
      return
    }
    if !wasGivenUp { fleet.peers[attempt.peer].outstandingByteCount -= attempt.byteCount }
    peer.answered(sentAt: attempt.sentAt)
    guard header.status == .ok else {
      // Where it was given up it is under way again already.
      if !wasGivenUp {
        try takeRefusal(header, result.message(in: bytes) ?? "", of: attempt, by: peer, at: time, &flight)
      }
      return
    }
    peer.pace.saw(roundTripSeconds: time - attempt.sentAt)
    guard flight.complete(attempt.index) else {
      counts.unawaited += 1
      return
    }
    lastProgress = time
    unreadable = nil
    try handle(attempt.index, result, bytes)
  }

  /// Takes note of what an answer tells of its daemon, beyond the batch.
  private mutating func hear(_ header: ResultHeader, from place: Int, at time: Double, _ flight: inout Flight) {
    guard fleet.peers[place].heard(header, now: time) else { return }
    counts.restarts += 1
    giveUp(&flight, at: time) { $0.peer == place }
  }

  /// Takes an answer that is no result: waits, goes elsewhere, or gives up.
  private mutating func takeRefusal(
    _ header: ResultHeader, _ text: String, of attempt: Flight.Attempt, by peer: DaemonPeer, at time: Double,
    _ flight: inout Flight
  ) throws {
    switch header.status {
    case .busy:
      counts.busy += 1
      peer.pausedUntil = time + Pace.busySeconds(header.retryAfterMilliseconds, attempt: attempt.number)
      flight.retry(attempt, at: time)
    case .draining:
      counts.draining += 1
      flight.retry(attempt, at: time)
    case let status where status.isRetryable && attempt.number < Self.longestAttempts:
      counts.faults += 1
      flight.retry(attempt, at: time + Pace.busySeconds(0, attempt: attempt.number))
    case let status:
      throw ClientError.refused(
        status: status.name, message: text, completed: flight.completedCount, total: flight.batchCount)
    }
  }
}
