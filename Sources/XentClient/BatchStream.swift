import XentProtocol
import ZeroMQ

/// Sends batches to one daemon or several with a window of them in flight, and gives each result back once.
///
/// A batch is kept until its result is there, and is sent again where that does not come: when its time is up, when its
/// connection breaks, when its daemon restarts, is busy or drains. It never blocks in a send, and reads results while requests leave.
package struct BatchStream: ~Copyable {
  package internal(set) var counts = DeliveryCounts()
  let fleet: Fleet
  let clientID = ClientID.random()
  let window: Int
  let windowByteCount: Int
  private let timeoutSeconds: Double
  var message = Message()
  private var poller = Poller()
  var lastSequence: UInt64 = 0
  var lastProgress = now()
  /// What was wrong with the last message that is no result, since the last result.
  var unreadable: String?
  // The last, so that it ends when the sockets are gone.
  let context: Context

  /// The longest that nothing is looked at.
  private static let tickMilliseconds = 50

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
    self.window = window
    self.windowByteCount = windowByteCount
    self.timeoutSeconds = timeoutSeconds
    fleet = Fleet(peers: peers)
    self.context = context
  }

  /// Waits until a daemon has told what it is and what it takes: the text of a JSON object.
  package mutating func info() throws -> String { try infos(lateSeconds: 0)[0] }

  /// The same of each daemon that tells it, in the order of the endpoints.
  /// - Parameter lateSeconds: how long the others have once one has told.
  package mutating func infos(lateSeconds: Double = 0.25) throws -> [String] {
    lastProgress = now()
    var flight = Flight(batchCount: 1)  // of which nothing is sent
    var end = Double.infinity
    while true {
      let infos = fleet.peers.compactMap(\.info)
      if !infos.isEmpty { end = min(end, now() + min(lateSeconds, timeoutSeconds / 2)) }
      if infos.count == fleet.peers.count || now() >= end { return infos }
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
  mutating func turn(
    _ flight: inout Flight, _ handle: (Int, BatchResult, RawSpan) throws -> Void
  ) throws {
    poller.removeAll()
    for peer in fleet.peers { _ = peer.connection.add(to: &poller, forSending: false) }
    try poller.wait(milliseconds: Self.tickMilliseconds)
    for place in fleet.peers.indices {
      // Before what has come is taken: then what is left to come after it is lost.
      let isBroken = try fleet.peers[place].connection.isBroken()
      while try fleet.peers[place].connection.receive(into: &message) { try take(from: place, &flight, handle) }
      if isBroken { try dialAnew(place, &flight) }
    }
    try lookAtTheClock(&flight)
    try endIfInVain(flight)
  }

  /// Gives up where no daemon lets us in, or nothing has come for too long.
  private func endIfInVain(_ flight: borrowing Flight) throws {
    let isLate = now() - lastProgress >= timeoutSeconds
    if let (endpoint, lockout) = fleet.lockout(isLate: isLate && flight.completedCount == 0) {
      throw ClientError.lockedOut(endpoint: endpoint, lockout)
    }
    guard !isLate else {
      throw ClientError.noAnswer(
        endpoint: fleet.description, seconds: timeoutSeconds, completed: flight.completedCount,
        total: flight.batchCount, unreadable: unreadable)
    }
  }
}
