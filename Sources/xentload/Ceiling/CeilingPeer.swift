import ArgumentParser
import CLinux
import Glibc
import ZeroMQ

/// The other process of a measurement of the ceiling, where the daemon would be. Started by `xentload` itself.
struct CeilingPeer: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "ceiling-peer", shouldDisplay: false)

  enum Mode: String, CaseIterable, ExpressibleByArgument { case discard, echo }

  @Option var mode: Mode
  @Option var requests: String
  @Option var results: String
  @Option var replyBytes: Int

  func run() throws {
    // It must not outlive the process that started it.
    end_with_parent()
    let context = try Context()
    var options = SocketOptions()
    options.receiveHighWaterMark = 64  // as the daemon's
    var pull = try PullSocket(in: context, options: options)
    var push = try PushSocket(in: context)
    try push.setLinger(milliseconds: 1000)
    try pull.bind(to: requests)
    try push.bind(to: results)
    print(try pull.lastEndpoint(), try push.lastEndpoint())
    fflush(nil)
    try serve(&pull, &push)
  }

  /// Takes messages until an empty one comes, and answers that with their number and time.
  private func serve(_ pull: inout PullSocket, _ push: inout PushSocket) throws {
    var poller = Poller()
    var message = Message()
    var reply = Message()
    var waitingReplies = 0
    var count = 0
    var start: UInt64 = 0
    while true {
      poller.removeAll()
      _ = poller.add(pull.pollable, for: waitingReplies > 1000 ? [] : .readable)
      _ = poller.add(push.pollable, for: waitingReplies > 0 ? .writable : [])
      try poller.wait(milliseconds: nil)
      var taken = 0
      while taken < 64, try pull.receive(into: &message) {
        if message.byteCount == 0 { return try answer(count, since: start, &push) }
        if start == 0 { start = Clock.now() }
        while message.hasMore { _ = try pull.receive(into: &message) }
        count += 1
        taken += 1
        if mode == .echo { waitingReplies += 1 }
      }
      while waitingReplies > 0 {
        try reply.allocate(byteCount: replyBytes)
        guard try push.send(&reply) == .sent else { break }
        waitingReplies -= 1
      }
    }
  }

  private func answer(_ count: Int, since start: UInt64, _ push: inout PushSocket) throws {
    let elapsed = Clock.now() - (start == 0 ? Clock.now() : start)
    var figures = try Message(byteCount: 16)
    figures.unsafeMutableBytes.storeBytes(of: UInt64(count), toByteOffset: 0, as: UInt64.self)
    figures.unsafeMutableBytes.storeBytes(of: elapsed, toByteOffset: 8, as: UInt64.self)
    _ = try push.send(&figures)
  }
}
