import CZeroMQ

/// Counts the connections of a bound socket, from what libzmq reports of them. Its reports must be read as they come:
/// `pollable` is readable then.
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
    // Without a limit: libzmq would wait for room, and so stop all traffic, where connections come faster than they are
    // counted.
    var options = SocketOptions()
    options.receiveHighWaterMark = 0
    let reports = try RawSocket(ZMQ_PAIR, in: context, options: options)
    try reports.connect(to: endpoint)
    self.reports = reports
    watched = pollable.handle
  }

  deinit { zmq_socket_monitor(watched, nil, 0) }

  /// The reports as something that a `Poller` waits for.
  package var pollable: Pollable { Pollable(handle: reports.handle) }

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
