import CZeroMQ
import Glibc

/// Counts the connections of a socket, and those that came to nothing, from what libzmq reports of them. Its reports must
/// be read as they come: `pollable` is readable then.
package struct PeerMonitor: ~Copyable {
  private let reports: RawSocket
  private let watched: UnsafeMutableRawPointer
  /// Readable when there may be reports, until all have been taken. To wait for it costs less than for `pollable`: libzmq
  /// makes a system call for each socket that is waited for.
  package let descriptor: Int32
  private var message = Message()
  private var census = PeerCensus()
  private var isRetired = false

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
    let descriptor = try reports.descriptor()
    // Until somebody has looked in vain, libzmq takes the reader for awake, and does not wake it by the descriptor.
    var report = Message()
    _ = try reports.receive(into: &report)
    self.descriptor = descriptor
    self.reports = reports
    watched = pollable.handle
  }

  /// libzmq waits until its reports have been taken: whoever takes them must not go before it has ceased to report.
  deinit {
    guard isRetired else {
      zmq_socket_monitor(watched, nil, 0)
      return
    }
    if !census.isOver { awaitEnd() }
  }

  /// The reports as something that a `Poller` waits for.
  package var pollable: Pollable { Pollable(handle: reports.handle) }

  /// How many peers are connected now.
  package mutating func peerCount() throws(ZeroMQError) -> Int {
    try read()
    return census.peerCount
  }

  /// How many peers are connected now by an endpoint.
  /// - Parameter endpoint: as `lastEndpoint()` of the socket told it.
  package mutating func peerCount(at endpoint: String) throws(ZeroMQError) -> Int {
    try read()
    return census.peerCount(at: endpoint)
  }

  /// Disconnects the peers that came last where more than some number are connected by an endpoint.
  /// - Returns: how many those were.
  package mutating func disconnectSurplus(at endpoint: String, most: Int) throws(ZeroMQError) -> Int {
    try read()
    let surplus = census.dismissSurplus(at: endpoint, most: most)
    for descriptor in surplus { endConnection(descriptor, endpoint: endpoint) }
    return surplus.count
  }

  /// Says that the socket is to be closed by its owner: what is left to be told of it is when it is gone.
  package mutating func retire() { isRetired = true }

  /// Whether the socket is gone, with all that libzmq held for it.
  package mutating func isOver() throws(ZeroMQError) -> Bool {
    if !census.isOver { try read() }
    return census.isOver
  }

  private func awaitEnd() {
    var poller = Poller()
    let place = poller.add(pollable, for: .readable)
    var report = Message()
    while true {
      guard (try? poller.wait(milliseconds: nil)) != nil else { return }
      guard poller.events(at: place).contains(.readable) else { continue }
      while (try? reports.receive(into: &report)) == true {
        if report.hasMore, PeerCensus.isEnd(report.unsafeBytes) { return }
      }
    }
  }

  /// Whether the socket has ceased to listen on an endpoint that it was unbound from.
  package mutating func isClosed(_ endpoint: String) throws(ZeroMQError) -> Bool {
    try read()
    return census.closedEndpoints.contains(endpoint)
  }

  /// How many connections came to nothing since the start, by why.
  package mutating func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int] {
    try read()
    return census.failures
  }

  /// Whether a connection that had shaken hands has ended since the start, of a socket with one peer.
  package mutating func hasLostPeer() throws(ZeroMQError) -> Bool {
    try read()
    return census.lostCount > 0
  }

  private mutating func read() throws(ZeroMQError) {
    let now = monotonicNanoseconds()
    while try reports.receive(into: &message) {
      guard message.hasMore, message.byteCount == 6 else { continue }
      let event = message.unsafeBytes.loadUnaligned(as: UInt16.self)
      let value = message.unsafeBytes.loadUnaligned(fromByteOffset: 2, as: Int32.self)
      guard try reports.receive(into: &message) else { return }  // the second frame: the endpoint
      census.count(
        event: Int32(event), value: value, endpoint: { String(decoding: message.unsafeBytes, as: UTF8.self) }, at: now)
    }
    census.countDropped(at: now)
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
