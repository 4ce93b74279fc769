import CZeroMQ

/// A DEALER socket: sends to its peers in turn and receives from all. One owner, on one thread at a time.
package struct DealerSocket: ~Copyable {
  private let socket: RawSocket

  package init(in context: borrowing Context, options: SocketOptions = SocketOptions()) throws(ZeroMQError) {
    socket = try RawSocket(ZMQ_DEALER, in: context, options: options)
  }

  package mutating func bind(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try socket.bind(to: endpoint, security: security)
  }

  package mutating func connect(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try socket.connect(to: endpoint, security: security)
  }

  /// The endpoint that was bound last, with the port that the system chose for `tcp://…:*`.
  package func lastEndpoint() throws(ZeroMQError) -> String { try socket.lastEndpoint() }

  /// The socket as something that a `Poller` waits for.
  package var pollable: Pollable { Pollable(handle: socket.handle) }

  /// Puts the next frame in `message`, releasing what that held before. Never blocks.
  /// - Returns: `false` when nothing is there. After `true`, `message.hasMore` tells whether more frames follow; they
  ///   are there already.
  package mutating func receive(into message: inout Message) throws(ZeroMQError) -> Bool {
    try socket.receive(into: &message)
  }

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
