import XentProtocol
import ZeroMQ

/// A PULL socket for requests and a PUSH socket for results, with one consumer of results. It never drops a result: when
/// nobody takes them, it stops reading, and its clients' sends block.
final class PipelineLane: Lane {
  var configuration: LaneConfiguration {
    didSet {
      metrics.configuration = configuration
      requests.maximumPeerCount = configuration.maximumPeerCount
      results.maximumPeerCount = configuration.maximumPeerCount
    }
  }
  let metrics: LaneMetrics
  var limits: RequestLimits { configuration.limits }
  @exclusivity(unchecked) var share = LaneShare()
  var peerLog = PeerLog()
  var handshakeLog = HandshakeLog()
  var stage = LaneStage.serving
  @exclusivity(unchecked) private var requests: LaneSocket<Pull>
  @exclusivity(unchecked) private var results: LaneSocket<Push>
  private let account = ResultAccount()
  @exclusivity(unchecked) private(set) var isReadable = false

  init(
    _ configuration: LaneConfiguration, requests requestEndpoints: [EndpointConfiguration],
    results resultEndpoints: [EndpointConfiguration], context: borrowing Context
  ) throws(ZeroMQError) {
    self.configuration = configuration
    metrics = LaneMetrics(configuration)
    requests = try LaneSocket(
      requestEndpoints, options: SocketOptions(requestsOf: configuration),
      maximumPeerCount: configuration.maximumPeerCount, context: context)
    results = try LaneSocket(
      resultEndpoints, options: .results, maximumPeerCount: configuration.maximumPeerCount, context: context)
  }

  var waitingByteCount: Int { account.waitingByteCount }
  var waitingResultCount: Int { account.waiting.count }
  var heldByteCount: Int { account.heldByteCount }
  /// Room for a largest result is left then.
  var isReading: Bool { account.heldByteCount <= configuration.maximumWaitingByteCount }
  // What libzmq holds leaves without a word.
  var wantsRetry: Bool { !isReading && account.waiting.isEmpty }
  var hasConsumer: Bool { results.peerCount > 0 }
  var clientCount: Int { requests.peerCount }
  var consumerCount: Int { results.peerCount }
  var peers: [EndpointPeers] { requests.peers + results.peers }
  var refusedPeerCount: Int { requests.refusedPeerCount + results.refusedPeerCount }

  func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int] {
    try requests.handshakeFailures().merging(try results.handshakeFailures(), uniquingKeysWith: +)
  }

  func open() throws {
    // Results first: a client that sees the requests' endpoint can count on both.
    try results.open()
    try requests.open()
  }

  func register(in poller: inout Poller) {
    requests.register(in: &poller, for: isReading ? .readable : [])
    results.register(in: &poller, for: account.waiting.isEmpty ? [] : .writable)
  }

  func look(at poller: borrowing Poller) throws(ZeroMQError) {
    isReadable = try requests.look(at: poller).contains(.readable)
    _ = try results.look(at: poller)
  }

  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool {
    if slot.account !== account { slot.account = account }
    isReadable = try slot.fill(takesDelimiter: false, byteLimit: configuration.limits.maximumRequestByteCount) {
      message throws(ZeroMQError) in try requests.socket.receive(into: &message)
    }
    if isReadable { metrics.didReceive(byteCount: slot.request.byteCount) }
    return isReadable
  }

  func admits(_ slot: BatchSlot, resultByteCount: Int) -> Bool { true }

  func send(_ slot: BatchSlot) throws(ZeroMQError) {
    metrics.didAnswer(slot)
    let byteCount = slot.result.byteCount
    if account.waiting.isEmpty, case .sent = try results.socket.send(&slot.result) {
      metrics.didSend(byteCount: byteCount)
      return
    }
    account.append(WaitingResult(slot))
  }

  func sendWaiting() throws(ZeroMQError) {
    while let next = account.waiting.first {
      guard try results.socket.send(&next.result) == .sent else { return }
      metrics.didSend(byteCount: next.byteCount)
      account.removeFirst()
    }
  }

  func isLettingGo() throws(ZeroMQError) -> Bool { try requests.isLettingGo() }

  func reopenRequests(context: borrowing Context) throws { try requests.reopen(context: context) }

  func setLinger(milliseconds: Int32) throws(ZeroMQError) { try results.socket.setLinger(milliseconds: milliseconds) }
}
