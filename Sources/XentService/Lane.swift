import XentProtocol
import ZeroMQ

/// A way in for requests and out for results. Owned by the loop's thread.
protocol Lane: AnyObject {
  /// May change as far as the lane needs no other sockets for it.
  var configuration: LaneConfiguration { get set }
  var metrics: LaneMetrics { get }
  /// Of the configuration: what each request is held against.
  var limits: RequestLimits { get }
  /// The lane's part of what is taken.
  var share: LaneShare { get set }
  var peerLog: PeerLog { get set }
  var handshakeLog: HandshakeLog { get set }
  var stage: LaneStage { get set }

  /// Whether the lane takes requests now: false holds its clients back.
  var isReading: Bool { get }
  /// Whether a request may be there, as the last poll or the last `receive` saw it.
  var isReadable: Bool { get }
  /// Bytes of results that wait in xentd because libzmq does not take them.
  var waitingByteCount: Int { get }
  /// How many results those are.
  var waitingResultCount: Int { get }
  /// Bytes of results that wait in xentd, that libzmq holds as far as they are large, or that are promised.
  var heldByteCount: Int { get }
  /// Whether anybody is there to take what waits, as the last poll saw it.
  var hasConsumer: Bool { get }
  /// Whether results that wait are tried again by the clock, because no poll tells when they can leave.
  var wantsRetry: Bool { get }
  /// Peers of the socket that requests come in by, and of the one that results go out by.
  var clientCount: Int { get }
  var consumerCount: Int { get }
  /// All endpoints, with the peers of each.
  var peers: [EndpointPeers] { get }
  /// Peers that were disconnected because there were too many.
  var refusedPeerCount: Int { get }
  /// Connections that came to nothing, by why.
  func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int]

  /// Binds and connects the lane's sockets.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  func open() throws
  /// Adds the lane's sockets to a poll.
  func register(in poller: inout Poller)
  /// Remembers what the poll saw of them.
  func look(at poller: borrowing Poller) throws(ZeroMQError)
  /// Takes a request, and puts it to the account of the one for whom its result is. Never blocks.
  /// - Returns: false where there is none.
  func receive(into slot: BatchSlot) throws(ZeroMQError) -> Bool
  /// Whether there is room for a batch's result: false where its client leaves so many lying that it must wait.
  func admits(_ slot: BatchSlot, resultByteCount: Int) -> Bool
  /// Sends the slot's result, or keeps it until it can leave. Never blocks.
  func send(_ slot: BatchSlot) throws(ZeroMQError)
  /// Sends what waits, as far as it can leave.
  func sendWaiting() throws(ZeroMQError)
  /// Closes the socket that requests come in by, which lets go all that libzmq holds for it, and opens it anew.
  func reopenRequests(context: borrowing Context) throws
  /// Whether the socket that was closed still holds something.
  func isLettingGo() throws(ZeroMQError) -> Bool
  /// How long the context waits, when it ends, for what libzmq has of this lane.
  func setLinger(milliseconds: Int32) throws(ZeroMQError)
}

extension Lane {
  /// What would be lost of results if the lane were closed now.
  var undeliveredByteCount: Int { max(waitingByteCount, heldByteCount) }
}

extension SocketOptions {
  /// The options of a socket that requests come in by.
  init(requestsOf configuration: LaneConfiguration) {
    self.init()
    sendHighWaterMark = ServiceConfiguration.sendHighWaterMark
    receiveHighWaterMark = Int32(configuration.queuedRequestCount)
    // Twice the limit, so that a request that is a little too large still gets an answer.
    maximumFrameByteCount = 2 * Int64(configuration.limits.maximumRequestByteCount)
  }

  /// The options of a socket that only results go out by. What a peer sends there is never read: as little of it as can
  /// be piles up.
  static var results: SocketOptions {
    var options = SocketOptions()
    options.sendHighWaterMark = ServiceConfiguration.sendHighWaterMark
    options.receiveHighWaterMark = 1
    options.maximumFrameByteCount = 1024
    return options
  }
}

/// Makes a lane. Its endpoints are to be opened.
/// - Throws: `ZeroMQError`; `EndpointError` where an endpoint should not be had.
func makeLane(_ configuration: LaneConfiguration, context: borrowing Context) throws -> any Lane {
  for endpoint in configuration.endpoints {
    guard let problem = endpoint.problem ?? endpoint.securityProblem else { continue }
    throw EndpointError(endpoint: endpoint.address, reason: problem)
  }
  switch configuration.sockets {
  case .pipeline(let requests, let results):
    return try PipelineLane(configuration, requests: requests, results: results, context: context)
  case .router(let endpoints):
    return try RouterLane(configuration, endpoints: endpoints, context: context)
  }
}
