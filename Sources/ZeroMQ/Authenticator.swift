import CZeroMQ

/// Says who may connect to the `server` sockets of a context: libzmq asks before a peer's first message is let in.
///
/// It must be bound before those sockets are, and outlive them: libzmq lets everybody in where nobody answers. It answers
/// in `answer` alone, so a peer waits until the thread that owns it looks.
/// - Source: ZeroMQ's RFC 27, ZAP.
package struct Authenticator: ~Copyable {
  private let socket: RawSocket
  private var frames = AuthenticationFrames()

  package init(in context: borrowing Context) throws(ZeroMQError) {
    var options = SocketOptions()
    // libzmq asks without a limit, and would lose the question of a connection that finds no room.
    options.receiveHighWaterMark = 0
    options.sendHighWaterMark = 0
    let socket = try RawSocket(ZMQ_REP, in: context, options: options)
    try socket.bind(to: "inproc://zeromq.zap.01")
    self.socket = socket
  }

  /// The questions as something that a `Poller` waits for.
  package var pollable: Pollable { Pollable(handle: socket.handle) }

  /// Answers the peers that wait, at most so many. Never blocks.
  package mutating func answer(
    atMost count: Int = 256, _ decide: (AuthenticationRequest) -> AuthenticationAnswer
  ) throws(ZeroMQError) {
    for _ in 0..<count {
      guard try frames.receive(from: socket) else { return }
      // A question that cannot be read is nobody's.
      try reply(frames.request.map(decide) ?? .refuse)
    }
  }

  private mutating func reply(_ answer: AuthenticationAnswer) throws(ZeroMQError) {
    let (status, text, user) =
      switch answer {
      case .allow(let name): ("200", "OK", name)
      case .refuse: ("400", "not allowed", "")
      }
    let parts = [AuthenticationFrames.version, frames.requestID, status, text, user, ""]
    for (place, part) in parts.enumerated() {
      var message = try Message(copying: part)
      // REP always takes a reply, or drops it where the peer is gone.
      _ = try socket.send(&message, more: place + 1 < parts.count)
    }
  }
}

/// A peer that wants to connect.
package struct AuthenticationRequest: Equatable, Sendable {
  /// Its IP address; of a local socket, what the kernel knows of the process.
  package let address: String
  /// What it has proved to have the secret key of; nil where it has proved nothing.
  package let publicKey: CurvePublicKey?
}

/// What is answered to a peer.
package enum AuthenticationAnswer: Equatable, Sendable {
  /// Let in, under this name.
  case allow(name: String)
  case refuse
}

/// The frames of a question: version, request id, domain, address, routing id, mechanism, credentials.
private struct AuthenticationFrames: ~Copyable {
  static let version = "1.0"
  private static let count = 7

  private var parts: [[UInt8]] = []
  private var message = Message()

  /// - Returns: false where there is none.
  mutating func receive(from socket: borrowing RawSocket) throws(ZeroMQError) -> Bool {
    parts.removeAll(keepingCapacity: true)
    guard try socket.receive(into: &message) else { return false }
    parts.append(Array(message.unsafeBytes))
    while message.hasMore, try socket.receive(into: &message) { parts.append(Array(message.unsafeBytes)) }
    return true
  }

  var requestID: String { text(1) }

  /// nil where the frames are not a question.
  var request: AuthenticationRequest? {
    guard parts.count >= Self.count - 1, text(0) == Self.version else { return nil }
    let hasKey = text(5) == "CURVE" && parts.count == Self.count && parts[6].count == 32
    return AuthenticationRequest(address: address, publicKey: hasKey ? CurvePublicKey(bytes: parts[6]) : nil)
  }

  private var address: String {
    // An IPv4 address, as a socket for both versions knows it.
    let (address, mapped) = (text(3), "::ffff:")
    return address.hasPrefix(mapped) && address.contains(".") ? String(address.dropFirst(mapped.count)) : address
  }

  private func text(_ place: Int) -> String { place < parts.count ? String(decoding: parts[place], as: UTF8.self) : "" }
}
