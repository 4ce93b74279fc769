import CZeroMQ
import Glibc

/// Counts the connections of a socket, and those that came to nothing, from what libzmq reports of them. Its reports must
/// be read as they come: `pollable` is readable then.
package struct PeerMonitor: ~Copyable {
  private let reports: RawSocket
  private let watched: UnsafeMutableRawPointer
  private var message = Message()
  private var census = PeerCensus()

  /// Watches a socket from before it binds or connects.
  package init(of pollable: Pollable, in context: borrowing Context) throws(ZeroMQError) {
    let endpoint = "inproc://monitor-\(UInt(bitPattern: pollable.handle))"
    if uninterrupted({ zmq_socket_monitor(pollable.handle, endpoint, PeerCensus.events) }) == -1 {
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
    try read()
    return census.peerCount
  }

  /// How many connections came to nothing since the start, by why.
  package mutating func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int] {
    try read()
    return census.failures
  }

  private mutating func read() throws(ZeroMQError) {
    let now = monotonicNanoseconds()
    while try reports.receive(into: &message) {
      guard message.hasMore, message.byteCount == 6 else { continue }  // the second frame is the endpoint
      let event = message.unsafeBytes.loadUnaligned(as: UInt16.self)
      let value = message.unsafeBytes.loadUnaligned(fromByteOffset: 2, as: Int32.self)
      census.count(event: Int32(event), value: value, at: now)
    }
    census.countDropped(at: now)
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
