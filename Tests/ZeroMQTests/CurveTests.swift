import Glibc
import Testing

@testable import ZeroMQ

@Suite("Keys of CURVE")
struct CurveKeyTests {
  /// From ZeroMQ's RFC 26, and what libzmq's own tests use.
  private let publicText = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
  private let secretText = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

  @Test("a secret key gives its public key")
  func derived() throws {
    let pair = try CurveKeyPair(secretKey: CurveSecretKey(z85: secretText)!)
    #expect(pair.publicKey.z85 == publicText)
  }

  @Test("no two pairs are alike, and each fits together")
  func random() throws {
    var seen: Set<CurvePublicKey> = []
    for _ in 0..<50 {
      let pair = try CurveKeyPair.random()
      #expect(try CurveKeyPair(secretKey: pair.secretKey) == pair)
      #expect(seen.insert(pair.publicKey).inserted)
    }
  }

  @Test("bytes and text are the same key")
  func bytes() {
    #expect(CurvePublicKey(bytes: [UInt8](repeating: 0, count: 32)).z85 == String(repeating: "0", count: 40))
    #expect(CurvePublicKey(bytes: [UInt8](repeating: 255, count: 32)).z85 == String(repeating: "%nSc0", count: 8))
  }

  @Test(
    "what is not 40 characters of Z85 is no key",
    arguments: ["", "x", String(repeating: "0", count: 39), String(repeating: "0", count: 41)]
      + [" ", "\u{7f}", "~", "\"", "\\", ",", ";", "_", "`", "|", "\n", "\u{0}", "é"].map {
        String(repeating: "0", count: 40 - $0.utf8.count) + $0
      })
  func noKey(text: String) {
    #expect(CurvePublicKey(z85: text) == nil)
    #expect(CurveSecretKey(z85: text) == nil)
  }

  @Test("five characters that stand for more than 32 bits are no key", arguments: ["%nSc1", "$0000", "#0000", "#####"])
  func overflow(text: String) {
    #expect(CurvePublicKey(z85: text + String(repeating: "0", count: 35)) == nil)
  }

  @Test("a secret key prints itself nowhere")
  func silent() {
    let key = CurveSecretKey(z85: secretText)!
    var dumped = ""
    dump(SocketSecurity.server(secretKey: key), to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped, "\(SocketSecurity.server(secretKey: key))"] {
      #expect(!text.contains(secretText))
    }
  }

  @Test("a file of keys may have names, remarks and empty lines")
  func list() throws {
    let text = "# clients\r\n\n\(publicText) the first  client\n  \(secretText)\t\r\n#\(publicText)\n# \(publicText)"
    let keys = try namedCurveKeys(in: text)
    #expect(keys.map(\.key.z85) == [publicText, secretText])
    #expect(keys.map(\.name) == ["the first client", ""])
    #expect(try namedCurveKeys(in: "").isEmpty)
  }

  @Test("a bad line is named, and not repeated")
  func badLines() throws {
    let cases = [
      ("\(publicText)\nsecret", 2, "found 6 characters"),
      ("\n\n\(publicText) a\n\(publicText) b", 4, "line 3"),
      ("~\(publicText.dropFirst())", 1, "no key"),
    ]
    for (text, line, words) in cases {
      #expect {
        try namedCurveKeys(in: text)
      } throws: { error in
        guard let error = error as? CurveTextError else { return false }
        return error.line == line && error.description.contains(words) && !error.description.contains("secret")
      }
    }
  }

  @Test("a file of a secret key has one, and remarks")
  func secret() throws {
    #expect(try curveSecretKey(in: "# the daemon's\n\(secretText)\n").z85 == secretText)
    for text in ["", "# nothing\n", "\(secretText) name", "\(secretText)\n\(secretText)", "short"] {
      #expect(throws: CurveTextError.self) { try curveSecretKey(in: text) }
    }
  }
}

/// A CURVE server, a ROUTER, that lets in whom it is told to.
private struct Server: ~Copyable {
  var router: RouterSocket
  var monitor: PeerMonitor
  var authenticator: Authenticator
  let keys: CurveKeyPair
  let endpoint: String
  var allowed: [CurvePublicKey: String] = [:]
  var asked: [AuthenticationRequest] = []
  var received = Message()

  init(in context: borrowing Context, endpoint: String = "tcp://127.0.0.1:*") throws {
    // Its handler first: libzmq lets everybody in where there is none.
    let authenticator = try Authenticator(in: context)
    let keys = try CurveKeyPair.random()
    var router = try RouterSocket(in: context)
    let monitor = try PeerMonitor(of: router.pollable, in: context)
    try router.bind(to: endpoint, security: .server(secretKey: keys.secretKey))
    self.endpoint = try router.lastEndpoint()
    self.keys = keys
    self.authenticator = authenticator
    self.monitor = monitor
    self.router = router
  }

  /// Serves until something is so; at most twenty seconds.
  mutating func serve(until isDone: (inout Server) throws -> Bool) throws -> Bool {
    var poller = Poller()
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      poller.removeAll()
      _ = poller.add(router.pollable, for: .readable)
      _ = poller.add(authenticator.pollable, for: .readable)
      _ = poller.add(monitor.pollable, for: .readable)
      if try isDone(&self) { return true }
      try poller.wait(milliseconds: 10)
      var requests: [AuthenticationRequest] = []
      let allowed = allowed
      try authenticator.answer { request in
        requests.append(request)
        return request.publicKey.flatMap { allowed[$0] }.map { .allow(name: $0) } ?? .refuse
      }
      asked += requests
    }
    return false
  }

  mutating func hasReceived() throws -> Bool { try router.receive(into: &received) }
}

@Suite("CURVE", .timeLimit(.minutes(1)))
struct CurveTests {
  private func client(
    in context: borrowing Context, of server: borrowing Server, security: SocketSecurity
  ) throws -> DealerSocket {
    var dealer = try DealerSocket(in: context)
    try dealer.connect(to: server.endpoint, security: security)
    var message = try Message(copying: "hello")
    _ = try dealer.send(&message)
    return dealer
  }

  @Test("a client whose key is allowed is served, and known by its key and address")
  func allowed() throws {
    let context = try Context()
    var server = try Server(in: context)
    let keys = try CurveKeyPair.random()
    server.allowed = [keys.publicKey: "me"]
    let dealer = try client(in: context, of: server, security: .client(serverKey: server.keys.publicKey, keys: keys))
    #expect(try server.serve { server in try server.hasReceived() })
    #expect(server.asked == [AuthenticationRequest(address: "127.0.0.1", publicKey: keys.publicKey)])
    #expect(try server.monitor.handshakeFailures().isEmpty)
    _ = consume dealer
  }

  @Test("a client whose key is not allowed gets nothing in, and is counted")
  func refused() throws {
    let context = try Context()
    var server = try Server(in: context)
    server.allowed = [try CurveKeyPair.random().publicKey: "another"]
    let dealer = try client(
      in: context, of: server, security: .client(serverKey: server.keys.publicKey, keys: try .random()))
    #expect(try server.serve { server in try server.monitor.handshakeFailures() == [.notAllowed: 1] })
    #expect(try !server.hasReceived())
    _ = consume dealer
  }

  @Test("a client that takes another for the server is counted, and so is one without keys")
  func strangers() throws {
    let context = try Context()
    var server = try Server(in: context)
    let keys = try CurveKeyPair.random()
    server.allowed = [keys.publicKey: ""]
    let wrong = try client(
      in: context, of: server, security: .client(serverKey: try CurveKeyPair.random().publicKey, keys: keys))
    #expect(try server.serve { server in try server.monitor.handshakeFailures()[.wrongKey] ?? 0 > 0 })
    _ = consume wrong
    let plain = try client(in: context, of: server, security: .none)
    #expect(try server.serve { server in try server.monitor.handshakeFailures()[.mechanism] == 1 })
    #expect(try !server.hasReceived() && server.asked.isEmpty)
    _ = consume plain
  }

  @Test("endpoints of one socket may differ: one plain, one with CURVE, and the side that connects may be the server")
  func mixed() throws {
    let context = try Context()
    var server = try Server(in: context)
    try server.router.bind(to: freshEndpoint())
    var plain = try DealerSocket(in: context)
    try plain.connect(to: try server.router.lastEndpoint())
    var message = try Message(copying: "plain")
    _ = try plain.send(&message)
    #expect(try server.serve { server in try server.hasReceived() })
    #expect(try server.router.receive(into: &server.received) && server.asked.isEmpty)

    let keys = try CurveKeyPair.random()
    server.allowed = [keys.publicKey: ""]
    var bound = try DealerSocket(in: context)
    try bound.bind(to: freshEndpoint(), security: .client(serverKey: server.keys.publicKey, keys: keys))
    try server.router.connect(to: try bound.lastEndpoint(), security: .server(secretKey: server.keys.secretKey))
    #expect(try server.serve { server in server.asked.count == 1 })
    var isSent = false
    #expect(
      try server.serve { server in
        if !isSent {
          var message = try Message(copying: "hello")
          isSent = try bound.send(&message) == .sent
        }
        return try server.hasReceived()
      })
  }

  @Test("each burst of clients is answered, and no question is lost")
  func burst() throws {
    let context = try Context()
    var server = try Server(in: context, endpoint: freshEndpoint())
    let keys = try CurveKeyPair.random()
    server.allowed = [keys.publicKey: ""]
    var dealers: [Held] = []
    for _ in 0..<150 {
      dealers.append(
        Held(try client(in: context, of: server, security: .client(serverKey: server.keys.publicKey, keys: keys))))
    }
    var count = 0
    #expect(
      try server.serve { server in
        while try server.hasReceived() { count += server.received.hasMore ? 0 : 1 }
        return count == 150
      })
    #expect(try server.monitor.peerCount() == 150)
  }
}

/// Holds a socket where a noncopyable value cannot stand.
private final class Held {
  private let socket: DealerSocket
  init(_ socket: consuming DealerSocket) { self.socket = socket }
}

@Suite("The census of peers")
struct PeerCensusTests {
  private let accepted: Int32 = 0x20
  private let succeeded: Int32 = 0x1000
  private let disconnected: Int32 = 0x200
  private let second: UInt64 = 1_000_000_000

  @Test("a peer that is dropped without a word is counted when its handshake must be over, others are not")
  func silent() {
    var census = PeerCensus()
    for descriptor in Int32(1)...10 { census.count(event: accepted, value: descriptor, at: UInt64(descriptor)) }
    for _ in 0..<7 { census.count(event: succeeded, value: 0, at: 20) }
    for descriptor in Int32(8)...10 { census.count(event: disconnected, value: descriptor, at: 30) }
    #expect(census.peerCount == 7)
    census.countDropped(at: 5 * second)
    #expect(census.failures.isEmpty)
    census.countDropped(at: 7 * second)
    #expect(census.failures == [.notZeroMQ: 3])
    census.countDropped(at: 20 * second)
    #expect(census.failures == [.notZeroMQ: 3])
  }

  @Test("while clients come and go, those that were dropped in between are found all the same")
  func steady() {
    var census = PeerCensus()
    for turn in UInt64(0)..<100 {
      let time = turn * second
      census.count(event: accepted, value: 1, at: time)
      if turn % 10 != 0 { census.count(event: succeeded, value: 0, at: time) }
      census.count(event: disconnected, value: 1, at: time)
      census.countDropped(at: time)
    }
    #expect(census.peerCount == 0)
    #expect(census.failures == [.notZeroMQ: 10])
  }

  @Test("each reason has a count of its own")
  func reasons() {
    var census = PeerCensus()
    let reports: [(event: Int32, value: Int32, failure: HandshakeFailure)] = [
      (0x4000, 400, .notAllowed), (0x2000, 0x1100_0001, .wrongKey), (0x2000, 0x1100_0002, .mechanism),
      (0x2000, 0x1000_0011, .malformed), (0x800, EPIPE, .disconnected), (0x800, EAGAIN, .timedOut),
    ]
    for report in reports {
      census.count(event: accepted, value: 1, at: 0)
      census.count(event: report.event, value: report.value, at: 0)
      census.count(event: disconnected, value: 1, at: 0)
      #expect(census.failures[report.failure] == 1)
    }
    census.countDropped(at: 100 * second)
    #expect(census.failures.values.reduce(0, +) == reports.count)
  }
}
