import Glibc
import Testing

@testable import ZeroMQ

/// An endpoint that no other test has.
func freshEndpoint() -> String { "ipc:///tmp/xentd-zmq-\(getpid())-\(UInt64.random(in: 0 ... .max))" }

private func message(_ text: String) throws -> Message {
  var message = try Message(byteCount: text.utf8.count)
  message.unsafeMutableBytes.copyBytes(from: text.utf8)
  return message
}

private func text(_ message: borrowing Message) -> String { String(decoding: message.unsafeBytes, as: UTF8.self) }

/// A PULL socket and a PUSH socket that is connected to it.
private struct Pipeline: ~Copyable {
  var pull: PullSocket
  var push: PushSocket

  init(in context: borrowing Context) throws {
    let endpoint = freshEndpoint()
    var receiver = try PullSocket(in: context)
    try receiver.bind(to: endpoint)
    var sender = try PushSocket(in: context)
    try sender.connect(to: endpoint)
    pull = receiver
    push = sender
  }
}

/// Waits for a socket, at most ten seconds.
private func wait(for pollable: Pollable, _ events: Poller.Events) throws -> Bool {
  var poller = Poller()
  let place = poller.add(pollable, for: events)
  try poller.wait(milliseconds: 10_000)
  return !poller.events(at: place).isEmpty
}

@Suite("Sockets", .timeLimit(.minutes(1)))
struct SocketTests {
  @Test("frames arrive whole and in order, and tell whether more follow")
  func multipart() throws {
    let context = try Context()
    var pipeline = try Pipeline(in: context)
    #expect(try wait(for: pipeline.push.pollable, .writable))
    var first = try message("one")
    var second = try message("two")
    #expect(try pipeline.push.send(&first, more: true) == .sent)
    #expect(first.byteCount == 0, "a message that was sent is empty")
    #expect(try pipeline.push.send(&second) == .sent)
    #expect(try wait(for: pipeline.pull.pollable, .readable))
    var received = Message()
    let storage = received.storage
    #expect(try pipeline.pull.receive(into: &received))
    #expect(text(received) == "one" && received.hasMore)
    #expect(try pipeline.pull.receive(into: &received))
    #expect(text(received) == "two" && !received.hasMore)
    #expect(received.storage == storage, "the message is used again, not made anew")
    #expect(try !pipeline.pull.receive(into: &received))
  }

  @Test("sending without a peer says so instead of blocking")
  func noPeer() throws {
    let context = try Context()
    var push = try PushSocket(in: context)
    try push.bind(to: freshEndpoint())
    var request = try message("x")
    #expect(try push.send(&request) == .wouldBlock)
    #expect(text(request) == "x", "the message is as it was")
  }

  @Test("a router says that a peer is not there")
  func unknownPeer() throws {
    let context = try Context()
    var router = try RouterSocket(in: context)
    try router.bind(to: freshEndpoint())
    var name = try message("nobody")
    #expect(try router.send(&name, more: true) == .unreachable)
  }

  @Test("a dealer gets its own answer from a router")
  func conversation() throws {
    let context = try Context()
    let endpoint = freshEndpoint()
    var router = try RouterSocket(in: context)
    try router.bind(to: endpoint)
    var dealer = try DealerSocket(in: context)
    try dealer.connect(to: endpoint)
    var question = try message("?")
    #expect(try dealer.send(&question) == .sent)
    #expect(try wait(for: router.pollable, .readable))
    var name = Message()
    var body = Message()
    #expect(try router.receive(into: &name))
    #expect(try router.receive(into: &body))
    #expect(text(body) == "?")
    #expect(try router.send(&name, more: true) == .sent)
    #expect(try router.send(&body) == .sent)
    #expect(try wait(for: dealer.pollable, .readable))
    #expect(try dealer.receive(into: &question))
    #expect(text(question) == "?")
  }

  @Test("a message that borrows its bytes brings them over without a copy of its own")
  func borrowed() throws {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
    defer { bytes.deallocate() }
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
    let context = try Context()
    var pipeline = try Pipeline(in: context)
    var request = try Message(borrowing: UnsafeRawBufferPointer(bytes))
    #expect(request.unsafeBytes.baseAddress == UnsafeRawPointer(bytes.baseAddress))
    #expect(try pipeline.push.send(&request) == .sent)
    #expect(try wait(for: pipeline.pull.pollable, .readable))
    var received = Message()
    #expect(try pipeline.pull.receive(into: &received))
    #expect(received.unsafeBytes.elementsEqual(bytes))
  }

  @Test("an address that is taken is an error with libzmq's words, its number and the endpoint")
  func taken() throws {
    let context = try Context()
    var first = try PullSocket(in: context)
    try first.bind(to: "tcp://127.0.0.1:*")
    let endpoint = try first.lastEndpoint()
    var second = try PullSocket(in: context)
    do throws(ZeroMQError) {
      try second.bind(to: endpoint)
      Issue.record("the port is taken")
    } catch {
      #expect(error.code == EADDRINUSE)
      #expect(error.description.contains(endpoint) && error.description.contains("Address already in use"))
    }
  }

  @Test("a peer that sends a frame that is too large is disconnected, and others are served")
  func tooLarge() throws {
    let context = try Context()
    let endpoint = freshEndpoint()
    var options = SocketOptions()
    options.maximumFrameByteCount = 1000
    var pull = try PullSocket(in: context, options: options)
    try pull.bind(to: endpoint)
    var large = try Message(byteCount: 1001)
    var bad = try PushSocket(in: context)
    try bad.connect(to: endpoint)
    #expect(try bad.send(&large) == .sent)
    var good = try PushSocket(in: context)
    try good.connect(to: endpoint)
    var small = try message("small")
    #expect(try good.send(&small) == .sent)
    #expect(try wait(for: pull.pollable, .readable))
    var received = Message()
    #expect(try pull.receive(into: &received))
    #expect(text(received) == "small")
  }

  @Test("a monitor counts the peers that come and go")
  func monitor() throws {
    let context = try Context()
    let endpoint = freshEndpoint()
    var push = try PushSocket(in: context)
    var monitor = try PeerMonitor(of: push.pollable, in: context)
    try push.bind(to: endpoint)
    #expect(try monitor.peerCount() == 0)
    do {
      var pull = try PullSocket(in: context)
      try pull.connect(to: endpoint)
      #expect(try wait(for: push.pollable, .writable))
      #expect(try monitor.peerCount() == 1)
    }
    var count = 1
    for _ in 0..<1000 where count > 0 {
      _ = try pollBriefly(push.pollable)
      count = try monitor.peerCount()
    }
    #expect(count == 0)
  }

  private func pollBriefly(_ pollable: Pollable) throws -> Bool {
    var poller = Poller()
    let place = poller.add(pollable, for: [])
    try poller.wait(milliseconds: 5)
    return poller.events(at: place).isEmpty
  }

  @Test("a poller sees descriptors beside sockets")
  func descriptors() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { ends.forEach { close($0) } }
    let context = try Context()
    let pull = try PullSocket(in: context)
    var poller = Poller()
    let silent = poller.add(pull.pollable, for: .readable)
    let loud = poller.add(descriptor: ends[0], for: .readable)
    #expect(write(ends[1], "x", 1) == 1)
    try poller.wait(milliseconds: 10_000)
    #expect(poller.events(at: loud) == .readable && poller.events(at: silent).isEmpty)
  }

  @Test("bytes move from one message to another")
  func taking() throws {
    var source = try message("bytes")
    var target = try message("others")
    target.take(from: &source)
    #expect(text(target) == "bytes" && source.byteCount == 0)
    target.release()
    #expect(target.byteCount == 0)
  }

  @Test("bytes are counted until the last who has them lets them go, and by the whole that they are part of")
  func ledger() throws {
    let whole = ByteLedger()
    let ledger = ByteLedger(partOf: whole)
    let context = try Context()
    do {
      var pipeline = try Pipeline(in: context)
      var sent = Message()
      try sent.allocate(byteCount: 1 << 20, countedBy: ledger)
      for index in sent.unsafeMutableBytes.indices { sent.unsafeMutableBytes[index] = UInt8(truncatingIfNeeded: index) }
      #expect(ledger.byteCount == 1 << 20 && whole.byteCount == 1 << 20)
      #expect(try pipeline.push.send(&sent) == .sent)
      #expect(try wait(for: pipeline.pull.pollable, .readable))
      var received = Message()
      #expect(try pipeline.pull.receive(into: &received))
      #expect(received.byteCount == 1 << 20 && received.unsafeBytes[777_777] == UInt8(truncatingIfNeeded: 777_777))
      try sent.allocate(byteCount: 5, countedBy: ledger)
      sent.release()
    }
    for _ in 0..<1000 where ledger.byteCount > 0 { usleep(1000) }
    #expect(ledger.byteCount == 0 && whole.byteCount == 0)
  }

  @Test("the peers that came last are disconnected where there are too many")
  func surplus() throws {
    for bound in [freshEndpoint(), "tcp://127.0.0.1:*", "tcp://*:*"] {
      let context = try Context()
      var push = try PushSocket(in: context)
      var monitor = try PeerMonitor(of: push.pollable, in: context)
      try push.bind(to: bound)
      let endpoint = try push.lastEndpoint()
      let connectable = endpoint.replacing("[::]", with: "127.0.0.1").replacing("0.0.0.0", with: "127.0.0.1")
      var peers: [PullPeer] = []
      for count in 1...3 {
        peers.append(try PullPeer(connectable, in: context))
        for _ in 0..<2000 where try monitor.peerCount() < count { _ = try pollBriefly(push.pollable) }
      }
      #expect(try monitor.peerCount(at: endpoint) == 3, "\(bound)")
      #expect(try monitor.disconnectSurplus(at: endpoint, most: 3) == 0)
      #expect(try monitor.disconnectSurplus(at: endpoint, most: 2) == 1)
      #expect(try monitor.disconnectSurplus(at: endpoint, most: 2) == 0, "it is told once")
      #expect(try monitor.peerCount(at: endpoint) == 2)
      #expect(try monitor.peerCount(at: "tcp://127.0.0.1:1") == 0)
      for _ in 0..<2000 where try monitor.peerCount() > 2 { _ = try pollBriefly(push.pollable) }
      #expect(try monitor.peerCount() == 2)
    }
  }

  /// A peer that connects once and does not come again.
  private final class PullPeer {
    private let socket: PullSocket

    init(_ endpoint: String, in context: borrowing Context) throws {
      var options = SocketOptions()
      options.reconnectMilliseconds = (60_000, 60_000)
      var pull = try PullSocket(in: context, options: options)
      try pull.connect(to: endpoint)
      socket = pull
    }
  }

  @Test("a monitor tells when an endpoint is not listened on any more, so that it can be bound again")
  func unbinding() throws {
    for bound in [freshEndpoint(), "tcp://127.0.0.1:*"] {
      let context = try Context()
      var pull = try PullSocket(in: context)
      var monitor = try PeerMonitor(of: pull.pollable, in: context)
      try pull.bind(to: bound)
      let endpoint = try pull.lastEndpoint()
      #expect(try !monitor.isClosed(endpoint))
      try pull.unbind(from: endpoint)
      for _ in 0..<2000 where try !monitor.isClosed(endpoint) { _ = try pollBriefly(pull.pollable) }
      #expect(try monitor.isClosed(endpoint))
      var other = try PullSocket(in: context)
      try other.bind(to: endpoint)
      #expect(try other.lastEndpoint() == endpoint)
    }
  }

  @Test("a monitor that outlives its socket tells when that is gone")
  func retirement() throws {
    let context = try Context()
    var monitor: PeerMonitor
    do {
      let pull = try PullSocket(in: context)
      monitor = try PeerMonitor(of: pull.pollable, in: context)
      #expect(try !monitor.isOver())
      monitor.retire()
      _ = consume pull
    }
    for _ in 0..<2000 where try !monitor.isOver() { usleep(1000) }
    #expect(try monitor.isOver())
  }
}
