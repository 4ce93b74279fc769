import Glibc
import XentProtocol
import ZeroMQ

/// Sends batches to one daemon or several with a window of them in flight, and gives each result back once.
///
/// A batch is kept until its result is there, and is sent again where that does not come: when its time is up, when its
/// daemon restarts, is busy or drains. It never blocks in a send, and reads results while requests leave.
package struct BatchStream: ~Copyable {
  private let endpoints: [ClientEndpoints]
  private var peers: [DaemonPeer]
  private let clientID = ClientID.random()
  private let window: Int
  private let windowByteCount: Int
  private let timeoutSeconds: Double
  private var message = Message()
  private var poller = Poller()
  private var lastSequence: UInt64 = 0
  private var lastProgress = now()
  // The last, so that it ends when the sockets are gone.
  private let context: Context

  /// The longest that nothing is looked at.
  private static let tickMilliseconds = 50
  /// Faults of the daemon's after which a batch is given up.
  private static let longestAttempts = 12

  /// - Parameters:
  ///   - endpoints: one daemon or several; each batch goes to the one with the fewest bytes under way.
  ///   - security: of the connections to all of them.
  ///   - window: batches in flight at the most.
  ///   - windowByteCount: and bytes of them; a larger batch goes alone.
  ///   - timeoutSeconds: how long no batch may be completed before the stream gives up.
  ///   - resendSeconds: a batch is not sent again sooner than this after it was sent.
  package init(
    _ endpoints: [ClientEndpoints], security: SocketSecurity = .none, window: Int = 1024,
    windowByteCount: Int = 64 << 20, timeoutSeconds: Double, resendSeconds: Double = 1
  ) throws(ZeroMQError) {
    let context = try Context()
    var peers: [DaemonPeer] = []
    for each in endpoints {
      peers.append(
        try DaemonPeer(each, security: security, context: context, now: now(), floorSeconds: resendSeconds))
    }
    self.endpoints = endpoints
    self.window = window
    self.windowByteCount = windowByteCount
    self.timeoutSeconds = timeoutSeconds
    self.peers = peers
    self.context = context
  }

  /// Waits until a daemon has told what it is and what it takes: the text of a JSON object.
  package mutating func info() throws -> String {
    lastProgress = now()
    var flight = Flight(batchCount: 1)  // of which nothing is sent
    while true {
      if let info = peers.lazy.compactMap(\.info).first { return info }
      try turn(&flight) { _, _, _ in }
    }
  }

  /// Sends batches `0 ..< batchCount` and hands over the result of each, in the order in which they come.
  ///
  /// - Parameters:
  ///   - batch: makes a batch; its sections must stay as they are until the stream ends. Called again for a batch that
  ///     is sent again.
  ///   - handle: takes a result and its bytes, which it may read until it returns.
  /// - Throws: `ClientError`, `ZeroMQError`, or what `handle` throws.
  package mutating func run(
    batchCount: Int, batch: (Int) -> OutgoingBatch, handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    var flight = Flight(batchCount: batchCount)
    lastProgress = now()
    while !flight.isComplete {
      try dispatch(&flight, batch)
      try turn(&flight, handle)
    }
  }

  /// Waits for something to come, takes it, and sees what is overdue.
  private mutating func turn(
    _ flight: inout Flight, _ handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    poller.removeAll()
    for peer in peers { _ = peer.connection.add(to: &poller, forSending: false) }
    try poller.wait(milliseconds: Self.tickMilliseconds)
    for place in peers.indices {
      while try peers[place].connection.receive(into: &message) { try take(from: place, &flight, handle) }
    }
    try lookAtTheClock(&flight)
    let isLate = now() - lastProgress >= timeoutSeconds
    try lookForLockouts(isLate: isLate && flight.completedCount == 0)
    guard !isLate else {
      throw ClientError.noAnswer(
        endpoint: endpoints.map(\.description).joined(separator: ", "), seconds: timeoutSeconds,
        completed: flight.completedCount, total: flight.batchCount)
    }
  }

  /// Gives up where no daemon will ever let us in, or where none has yet and it is time.
  private func lookForLockouts(isLate: Bool) throws {
    guard peers.allSatisfy({ $0.lockout.map { isLate || $0.isFinal } ?? false }) else { return }
    guard let peer = peers.first, let lockout = peer.lockout else { return }
    throw ClientError.lockedOut(endpoint: peer.endpoints.description, lockout)
  }

  /// Sends batches as far as the window and the daemons allow.
  private mutating func dispatch(_ flight: inout Flight, _ batch: (Int) -> OutgoingBatch) throws {
    let time = now()
    while flight.underWayCount < window, flight.underWayByteCount < windowByteCount,
      let place = usablePeer(at: time), let next = flight.next(at: time)
    {
      try send(batch(next.index), next.index, attempt: next.attempts + 1, to: place, &flight)
    }
  }

  /// The daemon with the fewest bytes under way, of those that can be used.
  private func usablePeer(at time: Double) -> Int? {
    peers.indices.filter { peers[$0].state == .ready && peers[$0].pausedUntil <= time }
      .min { peers[$0].outstandingByteCount < peers[$1].outstandingByteCount }
  }

  private mutating func send(
    _ batch: OutgoingBatch, _ index: Int, attempt number: Int, to place: Int, _ flight: inout Flight
  ) throws {
    let peer = peers[place]
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
    flight.sent(attempt, sequence: lastSequence)
    peer.outstandingByteCount += attempt.byteCount
  }

  /// Takes the result that has come.
  private mutating func take(
    from place: Int, _ flight: inout Flight, _ handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    let bytes = message.unsafeBytes.bytes
    let result: BatchResult
    do throws(ResultError) {
      result = try BatchResult(parsing: bytes)
    } catch {
      throw ClientError.badResult(error.description)
    }
    let header = result.header
    guard header.clientID == clientID else { return }  // another client's, on a pipeline lane
    let peer = peers[place]
    let time = now()
    if peer.heard(header, now: time) {
      giveUp(&flight, at: time) { $0.peer == place }
    }
    if header.type == .infoResult {
      if peer.tookAnswer(header, message: result.message(in: bytes)) { lastProgress = max(lastProgress, time) }
      return
    }
    guard let (attempt, wasGivenUp) = flight.landed(sequence: header.sequence) else { return }
    if !wasGivenUp { peers[attempt.peer].outstandingByteCount -= attempt.byteCount }
    peer.answered(sentAt: attempt.sentAt)
    switch header.status {
    case .ok:
      peer.pace.saw(roundTripSeconds: time - attempt.sentAt)
      guard flight.complete(attempt.index) else { return }
      lastProgress = time
      try handle(attempt.index, result, bytes)
    case _ where wasGivenUp: return  // it is under way again already
    case .busy:
      peer.pausedUntil = time + max(0.01, Double(header.retryAfterMilliseconds) / 1000) * .random(in: 1...1.25)
      flight.retry(attempt, at: time)
    case .draining: flight.retry(attempt, at: time)
    case let status where status.isRetryable && attempt.number < Self.longestAttempts:
      flight.retry(attempt, at: time + 0.01 * Double(1 << min(attempt.number, 8)))
    case let status:
      throw ClientError.refused(
        status: status.name, message: result.message(in: bytes) ?? "", completed: flight.completedCount,
        total: flight.batchCount)
    }
  }

  /// Sees which results are overdue, and which daemons say nothing.
  private mutating func lookAtTheClock(_ flight: inout Flight) throws(ZeroMQError) {
    let time = now()
    for place in peers.indices {
      let peer = peers[place]
      try peer.noteLockout()
      if peer.isHanging(now: time) {
        giveUp(&flight, at: time) { $0.peer == place }
        try peer.reset(context: context, now: time)
      }
      if peer.wantsToBeAsked(now: time) { try ask(peer, time) }
    }
    for attempt in flight.underWay.values where attempt.due < time {
      if peers[attempt.peer].isLate(sentAt: attempt.sentAt) { try ask(peers[attempt.peer], time) }
    }
    // More of the same would not help a daemon that hangs or is slow, so where it is the only one it is waited for.
    let peers = peers
    giveUp(&flight, at: time) { attempt in
      guard attempt.due < time else { return false }
      return peers[attempt.peer].answeredAt > attempt.sentAt
        || peers.indices.contains { $0 != attempt.peer && peers[$0].state == .ready }
    }
  }

  private mutating func ask(_ peer: DaemonPeer, _ time: Double) throws(ZeroMQError) {
    lastSequence += 1
    try peer.ask(&message, sequence: lastSequence, clientID: clientID, now: time)
  }

  private func giveUp(_ flight: inout Flight, at time: Double, where isLost: (Flight.Attempt) -> Bool) {
    for attempt in flight.underWay.values where isLost(attempt) {
      peers[attempt.peer].outstandingByteCount -= attempt.byteCount
    }
    flight.giveUp(at: time, where: isLost)
  }
}

/// A batch to be sent: its header, of which the stream fills in sequence, client and time, and its sections in place.
package struct OutgoingBatch {
  package var header: RequestHeader
  package var sections: [UnsafeRawBufferPointer]

  package init(header: RequestHeader, sections: [UnsafeRawBufferPointer]) {
    self.header = header
    self.sections = sections
  }

  /// Header included.
  var byteCount: Int { sections.reduce(RequestHeader.byteCount) { $0 + $1.count } }
}

/// Seconds since some point in the past.
private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

private func wallNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
