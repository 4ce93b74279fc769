import CZeroMQ
import Glibc

/// A socket of any type: the calls that the typed sockets are made of.
struct RawSocket: ~Copyable {
  let handle: UnsafeMutableRawPointer

  init(_ type: Int32, in context: borrowing Context, options: SocketOptions) throws(ZeroMQError) {
    guard let handle = zmq_socket(context.handle, type) else { throw ZeroMQError("create a socket") }
    do throws(ZeroMQError) {
      try options.apply(to: handle)
    } catch {
      zmq_close(handle)
      throw error
    }
    self.handle = handle
  }

  deinit { zmq_close(handle) }

  /// Listens at an endpoint: where the service manager does already, with its socket.
  func bind(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try security.apply(to: handle)
    guard let listener = InheritedSockets.ofProcess.duplicate(for: endpoint) else { return try bindPlainly(endpoint) }
    try setOption(ZMQ_USE_FD, listener, of: handle)
    do throws(ZeroMQError) {
      try bindPlainly(endpoint)
    } catch {
      // Only what is bound is libzmq's to close.
      close(listener)
      throw error
    }
    try setOption(ZMQ_USE_FD, -1, of: handle)
  }

  private func bindPlainly(_ endpoint: String) throws(ZeroMQError) {
    if uninterrupted({ zmq_bind(handle, endpoint) }) == -1 { throw ZeroMQError("bind to \(endpoint)") }
  }

  func connect(to endpoint: String, security: SocketSecurity = .none) throws(ZeroMQError) {
    try security.apply(to: handle)
    if uninterrupted({ zmq_connect(handle, endpoint) }) == -1 { throw ZeroMQError("connect to \(endpoint)") }
  }

  /// Stops listening, which takes libzmq's own thread a moment, and drops the connections that came by the endpoint.
  func unbind(from endpoint: String) throws(ZeroMQError) {
    if uninterrupted({ zmq_unbind(handle, endpoint) }) == -1 { throw ZeroMQError("unbind from \(endpoint)") }
  }

  /// The endpoint that was bound last, with the port that the system chose for `tcp://…:*`.
  func lastEndpoint() throws(ZeroMQError) -> String {
    var text = [CChar](repeating: 0, count: 1024)
    var length = text.count
    let result = uninterrupted { zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &length) }
    if result == -1 { throw ZeroMQError("read the last endpoint") }
    return String(decoding: text.prefix(max(0, length - 1)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Readable when libzmq has something to do for the socket, which the next call that looks at the socket does.
  func descriptor() throws(ZeroMQError) -> Int32 {
    var descriptor: Int32 = -1
    var length = MemoryLayout<Int32>.size
    let result = uninterrupted { zmq_getsockopt(handle, ZMQ_FD, &descriptor, &length) }
    if result == -1 { throw ZeroMQError("read a socket's descriptor") }
    return descriptor
  }

  func receive(into message: inout Message) throws(ZeroMQError) -> Bool {
    if uninterrupted({ zmq_msg_recv(message.storage, handle, ZMQ_DONTWAIT) }) != -1 { return true }
    if zmq_errno() == EAGAIN { return false }
    throw ZeroMQError("receive")
  }

  func send(_ message: inout Message, more: Bool) throws(ZeroMQError) -> SendOutcome {
    let flags = more ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT
    if uninterrupted({ zmq_msg_send(message.storage, handle, flags) }) != -1 { return .sent }
    switch zmq_errno() {
    case EAGAIN: return .wouldBlock
    case EHOSTUNREACH: return .unreachable
    default: throw ZeroMQError("send")
    }
  }
}

/// What became of a message that was to be sent.
package enum SendOutcome: Sendable {
  /// libzmq has it; the message is empty.
  case sent
  /// No peer has room for it (or, of a PUSH or DEALER, there is no peer); the message is as it was.
  case wouldBlock
  /// The peer that a ROUTER was to send it to is gone; the message is as it was.
  case unreachable
}
