import CZeroMQ

/// What a socket is set to before it binds or connects.
package struct SocketOptions: Sendable {
  /// Messages (not bytes) that libzmq keeps for each peer on the way out.
  package var sendHighWaterMark: Int32 = 1000
  /// Messages that libzmq keeps for each peer on the way in; a message of many frames counts once, when it is whole.
  package var receiveHighWaterMark: Int32 = 1000
  /// A peer that sends a larger frame is disconnected; nil for no limit.
  package var maximumFrameByteCount: Int64?
  /// How long the context waits, when it ends, for what this socket has sent.
  package var lingerMilliseconds: Int32 = 0
  /// A peer that has not shaken hands by then is disconnected.
  package var handshakeMilliseconds: Int32 = 5000
  /// Connections that may wait to be accepted.
  package var backlog: Int32 = 128
  /// Whether the kernel looks for dead TCP peers. libzmq's own heartbeats abort the process where back-pressure hides
  /// their answers, so there is no option for them.
  package var keepsAlive = true
  /// The first pause before a lost connection is tried again, and the longest.
  package var reconnectMilliseconds: (first: Int32, longest: Int32) = (100, 5000)

  /// Whether sending to a peer that is gone, or has no room, fails rather than drops. Only a ROUTER has it.
  var reportsUnroutable = false

  package init() {}

  func apply(to socket: UnsafeMutableRawPointer) throws(ZeroMQError) {
    try setOption(ZMQ_SNDHWM, sendHighWaterMark, of: socket)
    try setOption(ZMQ_RCVHWM, receiveHighWaterMark, of: socket)
    try setOption(ZMQ_LINGER, lingerMilliseconds, of: socket)
    try setOption(ZMQ_HANDSHAKE_IVL, handshakeMilliseconds, of: socket)
    try setOption(ZMQ_BACKLOG, backlog, of: socket)
    try setOption(ZMQ_RECONNECT_IVL, reconnectMilliseconds.first, of: socket)
    try setOption(ZMQ_RECONNECT_IVL_MAX, reconnectMilliseconds.longest, of: socket)
    try setOption(ZMQ_IPV6, 1, of: socket)
    if let maximumFrameByteCount { try setWideOption(ZMQ_MAXMSGSIZE, maximumFrameByteCount, of: socket) }
    if reportsUnroutable { try setOption(ZMQ_ROUTER_MANDATORY, 1, of: socket) }
    guard keepsAlive else { return }
    try setOption(ZMQ_TCP_KEEPALIVE, 1, of: socket)
    try setOption(ZMQ_TCP_KEEPALIVE_IDLE, 30, of: socket)
    try setOption(ZMQ_TCP_KEEPALIVE_INTVL, 10, of: socket)
    try setOption(ZMQ_TCP_KEEPALIVE_CNT, 3, of: socket)
  }
}

/// Sets an option whose value is an `int`.
func setOption(_ option: Int32, _ value: Int32, of socket: UnsafeMutableRawPointer) throws(ZeroMQError) {
  try setOption(option, bytesOf: value, of: socket)
}

/// Sets an option whose value is an `int64_t`.
private func setWideOption(_ option: Int32, _ value: Int64, of socket: UnsafeMutableRawPointer) throws(ZeroMQError) {
  try setOption(option, bytesOf: value, of: socket)
}

/// Sets an option whose value is characters.
func setOption(_ option: Int32, text: String, of socket: UnsafeMutableRawPointer) throws(ZeroMQError) {
  let result = uninterrupted { zmq_setsockopt(socket, option, text, text.utf8.count) }
  // The text may be a secret.
  if result == -1 { throw ZeroMQError("set socket option \(option)") }
}

private func setOption<Value: BitwiseCopyable>(
  _ option: Int32, bytesOf value: Value, of socket: UnsafeMutableRawPointer
) throws(ZeroMQError) {
  let result = withUnsafeBytes(of: value) { bytes in
    uninterrupted { zmq_setsockopt(socket, option, bytes.baseAddress, bytes.count) }
  }
  if result == -1 { throw ZeroMQError("set socket option \(option) to \(value)") }
}
