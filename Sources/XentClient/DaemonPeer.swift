import XentProtocol
import ZeroMQ

/// One daemon, as a client sees it through its deaths and returns: whether it can be used now.
final class DaemonPeer {
  enum State { case greeting, ready, draining, silent }

  let endpoints: ClientEndpoints
  private let security: SocketSecurity
  var connection: DaemonConnection
  private(set) var state = State.greeting
  var pace: Pace
  var pausedUntil = 0.0
  var outstandingByteCount = 0
  /// Takes nothing new: a batch under which connections broke is to be, or is, under way alone.
  var isReserved = false
  /// What the daemon told of itself, as JSON.
  private(set) var info: String?
  private(set) var heardAt: Double
  /// What keeps the daemon from letting us in, as it was last seen.
  private(set) var lockout: Lockout?
  /// When the newest of what was answered had been sent. Daemons answer in order: what was sent before is lost.
  private(set) var answeredAt = 0.0
  private var instance: UInt64 = 0
  /// Behind one address there may be several daemons in turn: only one that was never seen is a restarted one.
  private var knownInstances: Set<UInt64> = []
  private var probe: (sequence: UInt64, sentAt: Double)?
  private var resetsInSilence = 0

  private static let probeSeconds = 1.0
  private static let longestSilenceSeconds = 30.0

  init(
    _ endpoints: ClientEndpoints, security: SocketSecurity, context: borrowing Context, now: Double,
    floorSeconds: Double
  ) throws(ZeroMQError) {
    self.endpoints = endpoints
    self.security = security
    connection = try DaemonConnection(endpoints, security: security, in: context, isWatched: true)
    pace = Pace(floorSeconds: floorSeconds)
    heardAt = now
  }

  /// Asks whether the daemon is there, and what it takes.
  func ask(_ message: inout Message, sequence: UInt64, clientID: ClientID, now: Double) throws(ZeroMQError) {
    var header = RequestHeader()
    header.type = .info
    header.sequence = sequence
    header.clientID = clientID
    try message.allocate(byteCount: RequestHeader.byteCount)
    header.write(to: message.unsafeMutableBytes)
    if try connection.send(&message, more: false) == .sent { probe = (sequence, now) }
  }

  /// Notes that a result came.
  /// - Returns: whether the daemon is another one than before, so that what it was sent before is lost.
  func heard(_ header: ResultHeader, now: Double) -> Bool {
    heardAt = now
    resetsInSilence = 0
    lockout = nil
    if state == .silent { state = .ready }
    if header.notes.contains(.draining) || header.status == .draining, state == .ready { state = .draining }
    guard header.serverInstance != instance else { return false }
    let isRestarted = instance != 0 && !knownInstances.contains(header.serverInstance)
    instance = header.serverInstance
    if knownInstances.count > 64 { knownInstances.removeAll() }
    knownInstances.insert(instance)
    return isRestarted
  }

  /// Takes the answer to what was asked.
  /// - Returns: whether it is one.
  func tookAnswer(_ header: ResultHeader, message: String?) -> Bool {
    guard header.type == .infoResult, let probe, header.sequence == probe.sequence else { return false }
    self.probe = nil
    answered(sentAt: probe.sentAt)
    info = message
    state = header.notes.contains(.draining) ? .draining : .ready
    return true
  }

  func answered(sentAt: Double) { answeredAt = max(answeredAt, sentAt) }

  /// Whether it is to be asked now: at first, while it is draining, or because a result is overdue.
  func wantsToBeAsked(now: Double) -> Bool {
    switch state {
    case .greeting: probe == nil
    case .draining: now - (probe?.sentAt ?? heardAt) > Self.probeSeconds
    case .silent, .ready: false
    }
  }

  /// Notes that the result of a batch is overdue.
  /// - Returns: whether the daemon is to be asked if it is there.
  func isLate(sentAt: Double) -> Bool {
    guard state == .ready, answeredAt <= sentAt, probe.map({ $0.sentAt < sentAt }) ?? true else { return false }
    if heardAt < sentAt { state = .silent }
    return true
  }

  /// Whether so long nothing came that the connection is to be given up; twice as long after each time in vain.
  func isHanging(now: Double) -> Bool {
    guard state != .ready, let probe else { return false }
    let patience = min(pace.allowanceSeconds * Double(1 << min(resetsInSilence, 6)), Self.longestSilenceSeconds)
    return now - max(heardAt, probe.sentAt) > patience + Self.probeSeconds
  }

  /// Takes note of handshakes that came to nothing, of a daemon that does not answer.
  func noteLockout() throws(ZeroMQError) {
    guard state != .ready else { return }
    if let seen = try connection.lockout() { lockout = seen }
  }

  func isUsable(at time: Double) -> Bool { state == .ready && pausedUntil <= time }

  /// Gives the connection up and dials anew.
  /// - Parameter isSilent: whether that is because nothing came, and not because the connection broke.
  func reset(context: borrowing Context, now: Double, isSilent: Bool) throws(ZeroMQError) {
    connection = try DaemonConnection(endpoints, security: security, in: context, isWatched: true)
    if isSilent { resetsInSilence += 1 }
    isReserved = false
    probe = nil
    state = .greeting
    heardAt = now
  }
}
