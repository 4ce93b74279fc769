import CZeroMQ

/// A socket, which can do what its kind can. One owner, on one thread at a time.
package struct Socket<Kind: SocketKind>: ~Copyable {
  private let socket: RawSocket

  package init(in context: borrowing Context, options: SocketOptions = SocketOptions()) throws(ZeroMQError) {
    socket = try RawSocket(Kind.number, in: context, options: Kind.adapted(options))
  }

  package mutating func bind(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try socket.bind(to: endpoint, security: security)
  }

  package mutating func connect(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try socket.connect(to: endpoint, security: security)
  }

  /// Stops listening, which takes libzmq's own thread a moment, and drops the connections that came by the endpoint.
  /// - Parameter endpoint: as `lastEndpoint()` told it.
  package mutating func unbind(from endpoint: String) throws(ZeroMQError) { try socket.unbind(from: endpoint) }

  /// The endpoint that was bound last, with the port that the system chose for `tcp://…:*`.
  package func lastEndpoint() throws(ZeroMQError) -> String { try socket.lastEndpoint() }

  /// The socket as something that a `Poller` waits for.
  package var pollable: Pollable { Pollable(handle: socket.handle) }
}

extension Socket where Kind: ReceivingKind {
  /// Puts the next frame in `message`, releasing what that held before. Never blocks.
  /// - Returns: `false` when nothing is there. After `true`, `message.hasMore` tells whether more frames follow; they
  ///   are there already.
  package mutating func receive(into message: inout Message) throws(ZeroMQError) -> Bool {
    try socket.receive(into: &message)
  }
}

extension Socket where Kind: SendingKind {
  /// Hands a frame to libzmq. Never blocks.
  /// - Parameter more: whether more frames of the same message follow. Once the first is sent, the others are too.
  package mutating func send(_ message: inout Message, more: Bool = false) throws(ZeroMQError) -> SendOutcome {
    try socket.send(&message, more: more)
  }

  /// How long the context waits, when it ends, for what this socket has sent.
  package mutating func setLinger(milliseconds: Int32) throws(ZeroMQError) {
    try setOption(ZMQ_LINGER, milliseconds, of: socket.handle)
  }
}

/// What a socket can do: libzmq's types.
package protocol SocketKind {
  /// libzmq's number of it.
  static var number: Int32 { get }
  /// Options as this kind needs them.
  static func adapted(_ options: SocketOptions) -> SocketOptions
}

extension SocketKind {
  package static func adapted(_ options: SocketOptions) -> SocketOptions { options }
}

package protocol ReceivingKind: SocketKind {}
package protocol SendingKind: SocketKind {}

package enum Pull: ReceivingKind {
  package static var number: Int32 { ZMQ_PULL }
}

package enum Push: SendingKind {
  package static var number: Int32 { ZMQ_PUSH }
}

package enum Dealer: ReceivingKind, SendingKind {
  package static var number: Int32 { ZMQ_DEALER }
}

package enum Router: ReceivingKind, SendingKind {
  package static var number: Int32 { ZMQ_ROUTER }
  package static func adapted(_ options: SocketOptions) -> SocketOptions {
    var options = options
    options.reportsUnroutable = true
    return options
  }
}

/// Takes messages from all its peers in turn; it cannot send.
package typealias PullSocket = Socket<Pull>
/// Deals its messages out among its peers; it cannot receive.
package typealias PushSocket = Socket<Push>
/// Sends to its peers in turn and receives from all.
package typealias DealerSocket = Socket<Dealer>
/// Each message begins with a frame that names the peer. A message to a peer that is gone or has no room is not dropped in
/// silence: `send` of its first frame says so.
package typealias RouterSocket = Socket<Router>
