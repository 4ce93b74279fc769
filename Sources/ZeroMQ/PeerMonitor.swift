import CZeroMQ

/// Counts the connections of a bound socket, from what libzmq reports of them.
package struct PeerMonitor: ~Copyable {
  private let reports: RawSocket
  private let watched: UnsafeMutableRawPointer
  private var message = Message()
  private var descriptors: Set<Int32> = []

  /// Watches a socket from before it binds.
  package init(of pollable: Pollable, in context: borrowing Context) throws(ZeroMQError) {
    let endpoint = "inproc://monitor-\(UInt(bitPattern: pollable.handle))"
    let events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED
    if uninterrupted({ zmq_socket_monitor(pollable.handle, endpoint, events) }) == -1 {
      throw ZeroMQError("monitor a socket")
    }
    let reports = try RawSocket(ZMQ_PAIR, in: context, options: SocketOptions())
    try reports.connect(to: endpoint)
    self.reports = reports
    watched = pollable.handle
  }

  deinit { zmq_socket_monitor(watched, nil, 0) }

  /// How many peers are connected now.
  package mutating func peerCount() throws(ZeroMQError) -> Int {
    while try reports.receive(into: &message) {
      guard message.hasMore, message.byteCount == 6 else { continue }  // the second frame is the endpoint
      let event = message.unsafeBytes.loadUnaligned(as: UInt16.self)
      let descriptor = message.unsafeBytes.loadUnaligned(fromByteOffset: 2, as: Int32.self)
      if event == UInt16(ZMQ_EVENT_ACCEPTED) {
        descriptors.insert(descriptor)
      } else {
        descriptors.remove(descriptor)
      }
    }
    return descriptors.count
  }
}
