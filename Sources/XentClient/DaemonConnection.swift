import XentProtocol
import ZeroMQ

/// The sockets by which a client talks to one lane of a daemon. Nothing here blocks but `wait`.
package struct DaemonConnection: ~Copyable {
  package let endpoints: ClientEndpoints
  private var router: DealerSocket?
  private var requests: PushSocket?
  private var results: PullSocket?
  private var poller = Poller()
  private var places = Places()
  // The last, so that it ends when the sockets are gone; nil where it is the caller's.
  private var context: Context?

  /// A connection that shares nothing.
  package init(_ endpoints: ClientEndpoints) throws(ZeroMQError) {
    let context = try Context()
    try self.init(endpoints, in: context)
    self.context = consume context
  }

  /// A connection of several that share libzmq's I/O thread. It must be gone before the context is.
  package init(_ endpoints: ClientEndpoints, in context: borrowing Context) throws(ZeroMQError) {
    self.endpoints = endpoints
    switch endpoints {
    case .router(let endpoint):
      var socket = try DealerSocket(in: context)
      try socket.connect(to: endpoint)
      router = consume socket
      requests = nil
      results = nil
    case .pipeline(let requestEndpoint, let resultEndpoint):
      var pull = try PullSocket(in: context)
      try pull.connect(to: resultEndpoint)
      var push = try PushSocket(in: context)
      try push.connect(to: requestEndpoint)
      router = nil
      requests = consume push
      results = consume pull
    }
    self.context = nil
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
