import CZeroMQ

/// A PULL socket: takes messages from all its peers in turn; it cannot send. One owner, on one thread at a time.
package struct PullSocket: ~Copyable {
  private let socket: RawSocket

  package init(in context: borrowing Context, options: SocketOptions = SocketOptions()) throws(ZeroMQError) {
    socket = try RawSocket(ZMQ_PULL, in: context, options: options)
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

  /// Puts the next frame in `message`, releasing what that held before. Never blocks.
  /// - Returns: `false` when nothing is there. After `true`, `message.hasMore` tells whether more frames follow; they
  ///   are there already.
  package mutating func receive(into message: inout Message) throws(ZeroMQError) -> Bool {
    try socket.receive(into: &message)
  }
}
