import Glibc
import ZeroMQ

/// A socket of a lane with its endpoints and its peers, of which it keeps no more than the lane allows.
struct LaneSocket<Kind: SocketKind>: ~Copyable {
  // Before the socket, so that it goes first: libzmq waits for somebody to read what it reports.
  private var monitor: PeerMonitor
  /// Of the socket that was closed last, until it is gone.
  private var retiredMonitor: PeerMonitor?
  var socket: Socket<Kind>
  private let options: SocketOptions
  /// By each endpoint that is bound.
  var maximumPeerCount: Int { didSet { isCountDue = true } }
  private var isCountDue = false
  private(set) var peers: [EndpointPeers]
  /// The paths of its endpoints, until it goes.
  private var claims: [Claim] = []
  /// How many peers there are, by all endpoints.
  private(set) var peerCount = 0
  /// Peers that were disconnected because there were too many.
  private(set) var refusedPeerCount = 0
  private var places = (socket: 0, monitor: 0)

  init(
    _ endpoints: [EndpointConfiguration], options: SocketOptions, maximumPeerCount: Int, context: borrowing Context
  ) throws(ZeroMQError) {
    self.options = options
    self.maximumPeerCount = maximumPeerCount
    peers = endpoints.map { EndpointPeers(endpoint: $0) }
    let socket = try Socket<Kind>(in: context, options: options)
    monitor = try PeerMonitor(of: socket.pollable, in: context)
    self.socket = socket
  }

  /// Claims its paths, binds and connects.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  mutating func open() throws {
    for endpoint in peers.map(\.endpoint) where endpoint.role == .bind {
      claims.append(Claim(try EndpointClaim(endpoint.address)))
    }
    try listen()
  }

  private mutating func listen() throws {
    for index in peers.indices {
      let endpoint = peers[index].endpoint
      switch endpoint.role {
      case .bind:
        try endpoint.access.binding(endpoint.address) {
          try socket.bind(to: endpoint.address, security: endpoint.security)
        }
        peers[index].address = try socket.lastEndpoint()
      case .connect: try socket.connect(to: endpoint.address, security: endpoint.security)
      }
    }
  }

  /// Adds the socket to a poll.
  mutating func register(in poller: inout Poller, for events: Poller.Events) {
    places = (poller.add(socket.pollable, for: events), poller.add(descriptor: monitor.descriptor, for: .readable))
  }

  /// Remembers what the poll saw of its peers.
  /// - Returns: what it saw of the socket.
  mutating func look(at poller: borrowing Poller) throws(ZeroMQError) -> Poller.Events {
    if isCountDue || poller.events(at: places.monitor).contains(.readable) { try countPeers() }
    return poller.events(at: places.socket)
  }

  private mutating func countPeers() throws(ZeroMQError) {
    isCountDue = false
    for index in peers.indices {
      guard let address = peers[index].address else { continue }
      refusedPeerCount += try monitor.disconnectSurplus(at: address, most: maximumPeerCount)
      peers[index].count = try monitor.peerCount(at: address)
    }
    peerCount = try monitor.peerCount()
  }

  /// Connections that came to nothing since the socket was opened, by why.
  mutating func handshakeFailures() throws(ZeroMQError) -> [HandshakeFailure: Int] { try monitor.handshakeFailures() }

  /// Closes the socket, which lets everything go that libzmq holds for it, and opens another by the same endpoints.
  /// - Throws: `ZeroMQError` or `EndpointError` where an endpoint cannot be had.
  mutating func reopen(context: borrowing Context) throws {
    try stopListening()
    let freshSocket = try Socket<Kind>(in: context, options: options)
    var freshMonitor = try PeerMonitor(of: freshSocket.pollable, in: context)
    swap(&monitor, &freshMonitor)
    freshMonitor.retire()
    retiredMonitor = consume freshMonitor
    socket = freshSocket
    peerCount = 0
    for index in peers.indices { peers[index].count = 0 }
    try listen()
  }

  /// Whether a socket that was closed still holds something.
  mutating func isLettingGo() throws(ZeroMQError) -> Bool {
    guard let isOver = try retiredMonitor?.isOver() else { return false }
    if isOver { retiredMonitor = nil }
    return !isOver
  }

  /// Waits until libzmq's own thread has ceased to listen: before, a port would still be taken.
  private mutating func stopListening() throws(ZeroMQError) {
    let addresses = peers.compactMap(\.address)
    for address in addresses { try socket.unbind(from: address) }
    let end = Clock.monotonicNanoseconds + Self.longestCloseNanoseconds
    var poller = Poller()
    while Clock.monotonicNanoseconds < end {
      var open = 0
      for address in addresses where try !monitor.isClosed(address) { open += 1 }
      guard open > 0 else { return }
      poller.removeAll()
      _ = poller.add(socket.pollable, for: [])
      _ = poller.add(monitor.pollable, for: .readable)
      try poller.wait(milliseconds: 10)
    }
  }

  private static var longestCloseNanoseconds: UInt64 { 2_000_000_000 }
}

/// One endpoint of a lane, and who is there.
package struct EndpointPeers: Sendable {
  package let endpoint: EndpointConfiguration
  /// Where the socket listens, as libzmq says it; nil where it connects.
  var address: String?
  /// Peers that are connected by it, where it was bound.
  package var count = 0

  init(endpoint: EndpointConfiguration) { self.endpoint = endpoint }
}

/// Holds a claim where a noncopyable value cannot stand.
private final class Claim {
  private let claim: EndpointClaim
  init(_ claim: consuming EndpointClaim) { self.claim = claim }
}
