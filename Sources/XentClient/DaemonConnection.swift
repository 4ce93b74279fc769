import XentProtocol
import ZeroMQ

/// The sockets by which a client talks to one lane of a daemon. Nothing here blocks but `wait`.
package struct DaemonConnection: ~Copyable {
  package let endpoints: ClientEndpoints
  private let security: SocketSecurity
  // Before the sockets that they watch, which must not end first.
  private var sendMonitor: PeerMonitor?
  private var resultMonitor: PeerMonitor?
  private var router: DealerSocket?
  private var requests: PushSocket?
  private var results: PullSocket?
  private var poller = Poller()
  private var places = Places()
  // The last, so that it ends when the sockets are gone; nil where it is the caller's.
  private var context: Context?

  /// A connection that shares nothing.
  package init(_ endpoints: ClientEndpoints, security: SocketSecurity = .none) throws(ZeroMQError) {
    let context = try Context()
    try self.init(endpoints, security: security, in: context)
    self.context = consume context
  }

  /// A connection of several that share libzmq's I/O thread. It must be gone before the context is.
  ///
  /// - Parameter isWatched: whether `lockout` and `isBroken` are looked at, now and then: what libzmq reports is kept until then.
  package init(
    _ endpoints: ClientEndpoints, security: SocketSecurity = .none, in context: borrowing Context,
    isWatched: Bool = false
  ) throws(ZeroMQError) {
    self.endpoints = endpoints
    self.security = security
    var options = SocketOptions()
    options.reconnectMilliseconds = (first: 50, longest: 1000)
    // A stream's window bounds what is queued, in bytes.
    if isWatched { options.sendHighWaterMark = 0 }
    switch endpoints {
    case .router(let endpoint):
      var socket = try DealerSocket(in: context, options: options)
      sendMonitor = isWatched ? try PeerMonitor(of: socket.pollable, in: context) : nil
      resultMonitor = nil
      try socket.connect(to: endpoint, security: security)
      router = consume socket
      requests = nil
      results = nil
    case .pipeline(let requestEndpoint, let resultEndpoint):
      var pull = try PullSocket(in: context, options: options)
      resultMonitor = isWatched ? try PeerMonitor(of: pull.pollable, in: context) : nil
      try pull.connect(to: resultEndpoint, security: security)
      var push = try PushSocket(in: context, options: options)
      sendMonitor = isWatched ? try PeerMonitor(of: push.pollable, in: context) : nil
      try push.connect(to: requestEndpoint, security: security)
      router = nil
      requests = consume push
      results = consume pull
    }
    self.context = nil
  }

  /// What keeps the daemon from letting us in; nil where nothing does that is known of. Only of a connection that is
  /// watched.
  package mutating func lockout() throws(ZeroMQError) -> Lockout? {
    var failures: [HandshakeFailure: Int] = [:]
    if sendMonitor != nil { failures = try sendMonitor!.handshakeFailures() }
    if resultMonitor != nil { failures.merge(try resultMonitor!.handshakeFailures()) { $0 + $1 } }
    return Lockout(failures, security)
  }

  /// Whether a connection was made and has ended. What libzmq had queued for it may be lost or not, so that the sockets are of
  /// no further use. Only of a connection that is watched.
  package mutating func isBroken() throws(ZeroMQError) -> Bool {
    if try sendMonitor?.hasLostPeer() == true { return true }
    return try resultMonitor?.hasLostPeer() == true
  }

  /// Where a poller keeps the sockets of a connection.
  package struct Places {
    fileprivate var send = 0
    fileprivate var receive = 0

    package init() {}
  }

  /// Has a poller wait for a result and, if wanted, for room for a request.
  package mutating func add(to poller: inout Poller, forSending wantsToSend: Bool) -> Places {
    var places = Places()
    if let socket = router?.pollable {
      places.receive = poller.add(socket, for: wantsToSend ? [.readable, .writable] : .readable)
      places.send = places.receive
    }
    if let socket = results?.pollable { places.receive = poller.add(socket, for: .readable) }
    if let socket = requests?.pollable { places.send = poller.add(socket, for: wantsToSend ? .writable : []) }
    if let descriptor = sendMonitor?.descriptor { _ = poller.add(descriptor: descriptor, for: .readable) }
    if let descriptor = resultMonitor?.descriptor { _ = poller.add(descriptor: descriptor, for: .readable) }
    return places
  }

  /// Waits until a result is there or, if wanted, a request can be sent; at most as long as told.
  package mutating func wait(forSending wantsToSend: Bool, milliseconds: Int) throws(ZeroMQError) {
    // Taken out meanwhile, because `add` needs the whole of the connection.
    var waiting = Poller()
    swap(&waiting, &poller)
    defer { swap(&waiting, &poller) }
    waiting.removeAll()
    places = add(to: &waiting, forSending: wantsToSend)
    try waiting.wait(milliseconds: milliseconds)
  }

  /// Whether the last wait saw that a request can be sent.
  package var canSend: Bool { poller.events(at: places.send).contains(.writable) }

  /// Sends a frame; the first of a message may find no room.
  package mutating func send(_ message: inout Message, more: Bool) throws(ZeroMQError) -> SendOutcome {
    if router != nil { return try router!.send(&message, more: more) }
    return try requests!.send(&message, more: more)
  }

  /// Takes a result, if one is there.
  package mutating func receive(into message: inout Message) throws(ZeroMQError) -> Bool {
    if router != nil { return try router!.receive(into: &message) }
    return try results!.receive(into: &message)
  }
}
