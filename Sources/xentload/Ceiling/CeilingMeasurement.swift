import Glibc
import ZeroMQ

/// Measures what libzmq alone does, between two processes.
struct CeilingMeasurement {
  let transport: CeilingTransport
  let requestByteCount: Int
  let replyByteCount: Int
  /// Messages in flight at the most, where each is answered.
  let window: Int
  /// Of one figure.
  let seconds: Double
  /// Figures of each kind.
  let rounds: Int

  func perform() throws -> Ceiling {
    let payloads = Payloads(byteCount: requestByteCount)
    var oneWay: [Double] = []
    var echo: [Double] = []
    for _ in 0..<rounds {
      guard !Interruption.hasCome else { break }
      oneWay.append(try rate(.discard, payloads))
      echo.append(try rate(.echo, payloads))
    }
    return Ceiling(
      transport: transport, requestByteCount: requestByteCount, replyByteCount: replyByteCount, window: window,
      oneWayRates: oneWay, echoRates: echo)
  }

  private func rate(_ mode: CeilingPeer.Mode, _ payloads: borrowing Payloads) throws -> Double {
    let folder = try TemporaryFolder()
    let endpoints =
      transport == .ipc
      ? ["ipc://\(folder.path)/q", "ipc://\(folder.path)/r"]
      : Array(
        repeating: "tcp://127.0.0.1:*", count: 2)
    let peer = try ChildProcess(arguments: [
      "ceiling-peer", "--mode", mode.rawValue, "--requests", endpoints[0], "--results", endpoints[1],
      "--reply-bytes", "\(replyByteCount)",
    ])
    guard let bound = peer.line()?.split(separator: " ").map(String.init), bound.count == 2 else {
      throw LoadError("the other process of the ceiling ended before it listened")
    }
    // When it is gone, libzmq has let the payloads go.
    let context = try Context()
    return try CeilingClient(self, mode, requests: bound[0], results: bound[1], in: context).rate(payloads)
  }
}

/// The process that sends.
private struct CeilingClient: ~Copyable {
  private static let queuedByteCount = 64 << 20

  private let measurement: CeilingMeasurement
  private let mode: CeilingPeer.Mode
  private var push: PushSocket
  private var pull: PullSocket
  private var poller = Poller()
  private var message = Message()
  private var inFlightCount = 0
  private var sentCount = 0

  init(
    _ measurement: CeilingMeasurement, _ mode: CeilingPeer.Mode, requests: String, results: String,
    in context: borrowing Context
  ) throws(ZeroMQError) {
    self.measurement = measurement
    self.mode = mode
    var pull = try PullSocket(in: context)
    try pull.connect(to: results)
    var options = SocketOptions()
    // What is queued here must reach the other process before its count is complete: so much that it never runs dry.
    options.sendHighWaterMark = Int32(min(1000, max(8, Self.queuedByteCount / measurement.requestByteCount)))
    var push = try PushSocket(in: context, options: options)
    try push.connect(to: requests)
    self.push = push
    self.pull = pull
  }

  /// Messages a second.
  consuming func rate(_ payloads: borrowing Payloads) throws -> Double {
    let start = Clock.now()
    let end = start + UInt64(seconds: measurement.seconds)
    var replyCount = 0
    while Clock.now() < end {
      let sent = try send(payloads)
      let received = try receive()
      replyCount += received
      if sent + received == 0 { try wait() }
    }
    let elapsed = Double(nanoseconds: Clock.now() - start)
    if mode == .echo { return Double(replyCount) / elapsed }
    return try discardedRate()
  }

  private mutating func send(_ payloads: borrowing Payloads) throws -> Int {
    var count = 0
    while count < 64, mode == .discard || inFlightCount < measurement.window {
      let payload = payloads[sentCount]
      if payload.count <= Link.packedByteCount {
        try message.allocate(byteCount: payload.count)
        message.unsafeMutableBytes.copyMemory(from: payload)
      } else {
        message = try Message(borrowing: payload)
      }
      guard try push.send(&message) == .sent else { break }
      count += 1
      sentCount += 1
      inFlightCount += 1
    }
    return count
  }

  private mutating func receive() throws -> Int {
    var count = 0
    while try pull.receive(into: &message) { count += 1 }
    inFlightCount -= count
    return count
  }

  private mutating func wait() throws {
    poller.removeAll()
    _ = poller.add(pull.pollable, for: .readable)
    _ = poller.add(push.pollable, for: mode == .discard ? .writable : [])
    try poller.wait(milliseconds: 10)
  }

  /// Asks the other process how many messages it had in which time.
  private mutating func discardedRate() throws -> Double {
    try message.allocate(byteCount: 0)
    let deadline = Clock.now() + 20_000_000_000
    while try push.send(&message) != .sent { try wait() }
    while try !pull.receive(into: &message) {
      guard Clock.now() < deadline else { throw LoadError("the other process of the ceiling did not answer in 20 s") }
      poller.removeAll()
      _ = poller.add(pull.pollable, for: .readable)
      _ = poller.add(push.pollable, for: [])
      try poller.wait(milliseconds: 100)
    }
    let count = message.unsafeBytes.loadUnaligned(as: UInt64.self)
    let nanoseconds = message.unsafeBytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    return Double(count) / Double(nanoseconds: max(nanoseconds, 1))
  }
}

/// A folder that is removed, with the sockets in it, when its owner lets it go.
private struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/xentload-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw LoadError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in ["q", "r"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
