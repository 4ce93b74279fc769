import XentProtocol
import ZeroMQ

/// A ROUTER socket: any number of clients, each of which gets its own results. A client that does not read fills an account
/// of its own, is answered BUSY once that is full, and harms nobody else.
final class RouterLane: Lane {
  /// Bytes of refusals that wait for a client whether or not its account is full, so that it hears of it.
  static let maximumRefusalByteCount = 512 << 10
  /// Clients that are remembered before those are forgotten for whom nothing is held.
  private static let fewestForgottenClients = 256

  var configuration: LaneConfiguration {
    didSet {
      metrics.configuration = configuration
      requests.maximumPeerCount = configuration.maximumPeerCount
    }
  }
  let metrics: LaneMetrics
  var limits: RequestLimits { configuration.limits }
  @exclusivity(unchecked) var share = LaneShare()
  var peerLog = PeerLog()
  var handshakeLog = HandshakeLog()
  var stage = LaneStage.serving
  @exclusivity(unchecked) private var requests: LaneSocket<Router>
  /// Of all clients together.
  private let account = ResultAccount()
  @exclusivity(unchecked) private var clients: [ClientName: ResultAccount] = [:]
  private var clientCountToForget = fewestForgottenClients
  /// The accounts in which results wait.
  private var waitingAccounts: [ResultAccount] = []
  @exclusivity(unchecked) private(set) var isReadable = false
  @exclusivity(unchecked) private var delimiter = Message()

  init(
    _ configuration: LaneConfiguration, endpoints: [EndpointConfiguration], context: borrowing Context
  ) throws(ZeroMQError) {
    self.configuration = configuration
    metrics = LaneMetrics(configuration)
    requests = try LaneSocket(
      endpoints, options: SocketOptions(requestsOf: configuration), maximumPeerCount: configuration.maximumPeerCount,
      context: context)
  }

  var waitingByteCount: Int { account.waitingByteCount }
  var waitingResultCount: Int { waitingAccounts.reduce(0) { $0 + $1.waiting.count } }
  var heldByteCount: Int { account.heldByteCount }
  var isReading: Bool { true }
  // A ROUTER is writable when any peer is, so no poll tells when this one is.
  var wantsRetry: Bool { !waitingAccounts.isEmpty }
  var hasConsumer: Bool { true }  // Nothing is held for a client that is gone.
  var clientCount: Int { requests.peerCount }
  var consumerCount: Int { requests.peerCount }
  var peers: [EndpointPeers] { requests.peers }
  var refusedPeerCount: Int { requests.refusedPeerCount }

  func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int] { try requests.handshakeFailures() }

  func open() throws { try requests.open() }

  func register(in poller: inout Poller) { requests.register(in: &poller, for: .readable) }

  func look(at poller: borrowing Poller) throws(ZeroMQError) {
    isReadable = try requests.look(at: poller).contains(.readable)
  }

  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool {
    isReadable = try requests.socket.receive(into: &slot.client)
    guard isReadable else { return false }
    slot.account = account(of: ClientName(slot.client))
    guard
      try slot.fill(
        takesDelimiter: true, byteLimit: configuration.limits.maximumRequestByteCount,
        { message throws(ZeroMQError) in try requests.socket.receive(into: &message) })
    else { return false }
    metrics.didReceive(byteCount: slot.request.byteCount)
    return true
  }

  private func account(of name: ClientName) -> ResultAccount {
    if let account = clients[name] { return account }
    let account = ResultAccount(partOf: account)
    clients[name] = account
    return account
  }

  /// A client's results may take what is allowed to one, and no more than what is then left to all others: however many
  /// do not read, there is room for one more. (Choudhury & Hahne, "Dynamic queue length thresholds for shared-memory packet
  /// switches", 1998.)
  func admits(_ slot: BatchSlot, resultByteCount: Int) -> Bool {
    let own = slot.account?.heldByteCount ?? 0
    let left = configuration.maximumClientsWaitingByteCount - account.heldByteCount - resultByteCount
    return own < configuration.maximumWaitingByteCount && own + resultByteCount <= left
  }

  func send(_ slot: BatchSlot) throws(ZeroMQError) {
    metrics.didAnswer(slot)
    guard let account = slot.account else { preconditionFailure("a request that was received has an account") }
    guard account.waiting.isEmpty else { return keep(slot, in: account) }
    let byteCount = slot.result.byteCount
    switch try send(&slot.client, hasDelimiter: slot.hasDelimiter, &slot.result) {
    case .sent: metrics.didSend(byteCount: byteCount)
    case .unreachable: metrics.drop(.clientGone)
    case .wouldBlock:
      waitingAccounts.append(account)
      keep(slot, in: account)
    }
  }

  func sendWaiting() throws(ZeroMQError) {
    if !waitingAccounts.isEmpty {
      for account in waitingAccounts { try empty(account) }
      waitingAccounts.removeAll { $0.waiting.isEmpty }
    }
    if clients.count >= clientCountToForget { forgetClients() }
  }

  /// Forgets clients for whom nothing is held: they may be gone, which a ROUTER does not tell.
  private func forgetClients() {
    clients = clients.filter { $1.heldByteCount > 0 || !$1.waiting.isEmpty }
    clientCountToForget = max(Self.fewestForgottenClients, 2 * clients.count)
  }

  func isLettingGo() throws(ZeroMQError) -> Bool { try requests.isLettingGo() }

  func reopenRequests(context: borrowing Context) throws { try requests.reopen(context: context) }

  func setLinger(milliseconds: Int32) throws(ZeroMQError) { try requests.socket.setLinger(milliseconds: milliseconds) }

  private func keep(_ slot: BatchSlot, in account: ResultAccount) {
    // A computed result is always kept: whether there is room was asked before it was computed.
    guard !slot.isRefusal || account.refusalByteCount < Self.maximumRefusalByteCount else {
      metrics.drop(.spoolFull)
      return
    }
    account.append(WaitingResult(slot))
  }

  private func empty(_ account: ResultAccount) throws(ZeroMQError) {
    while let next = account.waiting.first {
      switch try send(&next.client, hasDelimiter: next.hasDelimiter, &next.result) {
      case .wouldBlock: return
      case .unreachable: metrics.drop(.clientGone)
      case .sent: metrics.didSend(byteCount: next.byteCount)
      }
      account.removeFirst()
    }
  }

  /// Sends all frames or none: once the client's name is taken, the others are too.
  private func send(
    _ client: inout Message, hasDelimiter: Bool, _ result: inout Message
  ) throws(ZeroMQError) -> SendOutcome {
    let outcome = try requests.socket.send(&client, more: true)
    guard outcome == .sent else { return outcome }
    if hasDelimiter { _ = try requests.socket.send(&delimiter, more: true) }
    return try requests.socket.send(&result)
  }
}
