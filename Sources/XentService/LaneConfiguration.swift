import XentProtocol
import ZeroMQ

/// One lane: how requests come in and results go out.
package struct LaneConfiguration: Equatable, Sendable {
  /// What logs and `info` call it.
  package var name: String
  package var sockets: Sockets
  package var limits = RequestLimits()
  /// Bytes of results that may wait for this lane's consumer (on a router lane: for each client) before the lane stops
  /// reading (a router lane: before the client's batches are answered BUSY).
  package var maximumWaitingByteCount = 64 << 20
  /// On a router lane, bytes of results that may wait for all its clients together.
  package var maximumClientsWaitingByteCount = 256 << 20
  /// Requests that libzmq keeps for each peer until the lane takes them.
  package var queuedRequestCount = 64
  /// Peers that may be connected to each endpoint that the lane binds.
  package var maximumPeerCount = 64

  /// What is wrong with the limits; nil where nothing is.
  var problem: String? {
    guard case .router = sockets, maximumClientsWaitingByteCount < 2 * limits.maximumResultByteCount else { return nil }
    return "lane \(name): clients_waiting_bytes is \(maximumClientsWaitingByteCount), and must be at least twice "
      + "result_bytes, which is \(limits.maximumResultByteCount)"
  }

  package init(name: String, sockets: Sockets) {
    self.name = name
    self.sockets = sockets
  }

  /// Each socket has one endpoint or more.
  package enum Sockets: Equatable, Sendable {
    /// A PULL socket for requests and a PUSH socket for results.
    case pipeline(requests: [EndpointConfiguration], results: [EndpointConfiguration])
    /// A ROUTER socket for both.
    case router([EndpointConfiguration])

    /// The endpoints of each socket.
    package var endpoints: [[EndpointConfiguration]] {
      switch self {
      case .pipeline(let requests, let results): [requests, results]
      case .router(let endpoints): [endpoints]
      }
    }
  }

  /// The kind's name in the configuration.
  package var kindName: String {
    switch sockets {
    case .pipeline: "pipeline"
    case .router: "router"
    }
  }

  /// Where requests come in.
  package var requestEndpoints: [EndpointConfiguration] { sockets.endpoints[0] }

  /// The endpoints of all sockets.
  package var endpoints: [EndpointConfiguration] { sockets.endpoints.flatMap(\.self) }
}

/// Where a socket meets its peers.
package struct EndpointConfiguration: Equatable, Sendable {
  /// `ipc://PATH` or `tcp://ADDRESS:PORT`.
  package var address: String
  package var role: Role
  /// The daemon is the server of CURVE, whichever side connects.
  package var security = SocketSecurity.none
  /// Whether other machines may reach it though everybody is let in there.
  package var allowsInsecure = false
  /// Who may use it, of an `ipc://` endpoint that is bound.
  package var access = SocketAccess()

  package init(_ address: String, role: Role = .bind) {
    self.address = address
    self.role = role
  }

  package enum Role: String, CaseIterable, Sendable {
    /// The socket listens there, and peers connect to it.
    case bind
    /// The socket connects to a peer that listens there, again and again until it does.
    case connect
  }
}
