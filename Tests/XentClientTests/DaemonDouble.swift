import Dispatch
import Glibc
import Synchronization
import XentProtocol
import ZeroMQ

/// A request that came to a double: its header, and the number in its first logit, by which tests know batches.
struct Received {
  let header: RequestHeader
  let number: Float
  /// How many with this number came before, this one included.
  let count: Int
}

/// What a double answers with.
enum Answer {
  /// The right result: its sum is the number.
  case result
  case refusal(Status, retryAfterMilliseconds: UInt32 = 0)
  /// A result for another client.
  case foreign
  case bytes([UInt8])
  /// Ends every connection.
  case breakConnections
  /// Is another daemon from here on.
  case restart
}

/// A daemon that answers as its script says, and so loses, repeats and garbles as no daemon does.
final class DaemonDouble: Sendable {
  let endpoint: String
  private let directory: String
  private let isStopping = Mutex(false)
  private let counts = Mutex<[Float: Int]>([:])
  private let ended = DispatchSemaphore(value: 0)

  init(instance: UInt64 = 1, answersInfo: Bool = true, script: @escaping @Sendable (Received) -> [Answer]) {
    var path = Array("/tmp/xentd-double-XXXXXX".utf8CString)
    mkdtemp(&path)
    directory = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    endpoint = "ipc://\(directory)/x"
    let listens = DispatchSemaphore(value: 0)
    DispatchQueue(label: "double").async { [self] in
      try! serve(instance, answersInfo, script) { listens.signal() }
      ended.signal()
    }
    listens.wait()
  }

  func stop() {
    isStopping.withLock { $0 = true }
    ended.wait()
    unlink("\(directory)/x")
    rmdir(directory)
  }

  /// How many batches came, and how often the one with a number did.
  var receivedCount: Int { counts.withLock { $0.values.reduce(0, +) } }
  func receivedCount(_ number: Float) -> Int { counts.withLock { $0[number, default: 0] } }

  private func serve(
    _ firstInstance: UInt64, _ answersInfo: Bool, _ script: (Received) -> [Answer], listens: () -> Void
  ) throws {
    let context = try Context()
    var session = try Session(in: context, endpoint: endpoint, instance: firstInstance)
    listens()
    var poller = Poller()
    while !isStopping.withLock({ $0 }) {
      poller.removeAll()
      _ = poller.add(session.router.pollable, for: .readable)
      _ = poller.add(session.monitor.pollable, for: .readable)
      try poller.wait(milliseconds: 5)
      _ = try session.monitor.peerCount()
      while let (header, number) = try session.receive() {
        guard header.type == .batch else {
          if answersInfo { try session.answerInfo(header) }
          continue
        }
        let count = counts.withLock { counts in
          counts[number, default: 0] += 1
          return counts[number]!
        }
        let received = Received(header: header, number: number, count: count)
        for answer in script(received) { try session.send(answer, to: received) }
      }
    }
  }
}

/// The double's sockets.
private struct Session: ~Copyable {
  var monitor: PeerMonitor
  var router: RouterSocket
  private let endpoint: String
  private var instance: UInt64
  private var identity = Message()
  private var frame = Message()

  init(in context: borrowing Context, endpoint: String, instance: UInt64) throws {
    var router = try RouterSocket(in: context)
    let monitor = try PeerMonitor(of: router.pollable, in: context)
    try router.bind(to: endpoint)
    self.monitor = monitor
    self.router = router
    self.endpoint = endpoint
    self.instance = instance
  }

  /// The next request: its header, and its first logit.
  mutating func receive() throws -> (RequestHeader, Float)? {
    guard try router.receive(into: &identity) else { return nil }
    var frames: [[UInt8]] = []
    repeat {
      _ = try router.receive(into: &frame)
      frames.append(Array(frame.unsafeBytes))
    } while frame.hasMore
    let header = try frames[0].withUnsafeBytes { try RequestHeader(parsing: $0.bytes) }
    let number = frames.count > 1 ? frames[1].withUnsafeBytes { $0.loadUnaligned(as: Float.self) } : 0
    return (header, number)
  }

  mutating func answerInfo(_ request: RequestHeader) throws {
    try send(ResultHeader(info: request), message: "{\"limits\": {}}")
  }

  mutating func send(_ answer: Answer, to received: Received) throws {
    var header = ResultHeader(answering: received.header)
    header.sum = Double(received.number)
    switch answer {
    case .result: try send(header)
    case .refusal(let status, let retryAfterMilliseconds):
      header.status = status
      header.retryAfterMilliseconds = retryAfterMilliseconds
      try send(header, message: "as the script says")
    case .foreign:
      header.clientID = ClientID(low: 1, high: 2)
      try send(header)
    case .bytes(let bytes): try send(bytes: bytes)
    case .breakConnections: _ = try monitor.disconnectSurplus(at: endpoint, most: 0)
    case .restart: instance += 100
    }
  }

  private mutating func send(_ header: ResultHeader, message: String? = nil) throws {
    var header = header
    header.serverInstance = instance
    if message != nil { header.flags = .message }
    var bytes = [UInt8](repeating: 0, count: ResultHeader.byteCount)
    bytes.withUnsafeMutableBytes { header.write(to: $0) }
    try send(bytes: bytes + Array((message ?? "").utf8))
  }

  private mutating func send(bytes: [UInt8]) throws {
    var name = try Message(copying: identity.unsafeBytes)
    var body = try Message(byteCount: bytes.count)
    body.unsafeMutableBytes.copyBytes(from: bytes)
    guard try router.send(&name, more: true) == .sent else { return }
    _ = try router.send(&body)
  }
}
