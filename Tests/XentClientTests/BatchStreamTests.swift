import Testing
import XentProtocol
import ZeroMQ

@testable import XentClient

/// Batches of three rows of four classes that a double knows by their numbers, from 1.
private final class Numbered {
  let count: Int
  private let logits: UnsafeMutableBufferPointer<Float>
  private let labels: UnsafeMutableBufferPointer<Int64>

  init(_ count: Int) {
    self.count = count
    logits = .allocate(capacity: 12 * count)
    logits.initialize(repeating: 0)
    for batch in 0..<count { logits[12 * batch] = Float(batch + 1) }
    labels = .allocate(capacity: 3)
    labels.initialize(repeating: 0)
  }

  deinit {
    logits.deallocate()
    labels.deallocate()
  }

  private func batch(_ index: Int) -> OutgoingBatch {
    var header = RequestHeader()
    (header.rows, header.classes) = (3, 4)
    let rows = UnsafeBufferPointer(rebasing: logits[12 * index..<12 * (index + 1)])
    return OutgoingBatch(
      header: header, sections: [UnsafeRawBufferPointer(rows), UnsafeRawBufferPointer(labels)])
  }

  /// The sums of all results, by batch, in the order in which they came.
  func evaluate(
    _ doubles: [DaemonDouble], timeoutSeconds: Double = 20, resendSeconds: Double = 100, window: Int = 1024
  ) throws -> (results: [(batch: Int, sum: Double)], counts: DeliveryCounts, outstanding: [Int]) {
    var stream = try BatchStream(
      doubles.map { .router($0.endpoint) }, window: window, timeoutSeconds: timeoutSeconds, resendSeconds: resendSeconds
    )
    // Until all are there, so that each has its share.
    var nothing = Flight(batchCount: 1)
    while !stream.fleet.peers.allSatisfy({ $0.info != nil }) { try stream.turn(&nothing) { _, _, _ in } }
    var results: [(Int, Double)] = []
    try stream.run(batchCount: count, batch: batch) { index, result, _ in
      results.append((index, result.header.sum))
    }
    return (results, stream.counts, stream.fleet.peers.map(\.outstandingByteCount))
  }

  /// Evaluates, and sees that each batch was completed once, by its own result.
  func check(
    _ doubles: [DaemonDouble], timeoutSeconds: Double = 20, resendSeconds: Double = 100, window: Int = 1024
  ) throws -> DeliveryCounts {
    let (results, counts, outstanding) = try evaluate(
      doubles, timeoutSeconds: timeoutSeconds, resendSeconds: resendSeconds, window: window)
    #expect(results.map(\.batch).sorted() == Array(0..<count))
    #expect(results.allSatisfy { $0.sum == Double($0.batch + 1) })
    #expect(outstanding.allSatisfy { $0 >= 0 })
    return counts
  }
}

@Suite("A stream of batches", .timeLimit(.minutes(1)))
struct BatchStreamTests {
  private let batches = Numbered(60)

  @Test("each batch is completed once, and nothing is sent twice where nothing is lost")
  func calm() throws {
    let double = DaemonDouble { _ in [.result] }
    defer { double.stop() }
    let counts = try batches.check([double])
    #expect((counts.sent, counts.resent, counts.unawaited) == (60, 0, 0))
    #expect(double.receivedCount == 60)
  }

  @Test("a result that is lost has its batch sent again when the time is up")
  func lost() throws {
    let double = DaemonDouble { Int($0.number) % 3 == 0 && $0.count == 1 ? [] : [.result] }
    defer { double.stop() }
    let counts = try batches.check([double], resendSeconds: 0.05)
    #expect(counts.resent >= 20)
    #expect((1..<20).allSatisfy { double.receivedCount(Float(3 * $0)) >= 2 })
  }

  @Test("what is doubled, foreign or no result is dropped and counted")
  func dropped() throws {
    let double = DaemonDouble { received in
      [.foreign, .bytes([]), .bytes(Array("XENT".utf8)), .result, .bytes([UInt8](repeating: 255, count: 400)), .result]
    }
    defer { double.stop() }
    let counts = try batches.check([double])
    #expect(counts.foreign == 60)
    // All but what came behind the last result.
    #expect((178...180).contains(counts.unreadable))
    #expect((59...60).contains(counts.unawaited))
  }

  @Test("where nothing but such comes, the error says so when the time is up")
  func unreadable() throws {
    let double = DaemonDouble { _ in [.bytes(Array("HTTP/1.1 400 Bad Request".utf8))] }
    defer { double.stop() }
    let error = #expect(throws: ClientError.self) { try batches.evaluate([double], timeoutSeconds: 0.3) }
    let text = error.map(\.description) ?? ""
    #expect(text.contains("what came is none: result: header: expected at least 160 bytes, received 24"))
  }

  @Test("a connection that breaks has its batches sent again at once, not when their time is up")
  func broken() throws {
    let double = DaemonDouble { $0.number == 20 && $0.count == 1 ? [.breakConnections] : [.result] }
    defer { double.stop() }
    let counts = try batches.check([double], timeoutSeconds: 20, resendSeconds: 100)
    #expect(counts.breaks == 1)
    #expect(counts.hangs == 0)
    #expect(counts.resent >= 1)
  }

  @Test("a batch that breaks every connection ends the stream with an error that names it")
  func undeliverable() throws {
    let double = DaemonDouble { $0.number == 13 ? [.breakConnections] : [.result] }
    defer { double.stop() }
    let error = #expect(throws: ClientError.self) { try batches.evaluate([double]) }
    let text = error.map(\.description) ?? ""
    #expect(text.contains("while batch 12 of 168 bytes was under way, 3 times with nothing beside it"))
    #expect(double.receivedCount(13) <= 2 * Flight.breaksUntilAlone + Flight.loneBreaksUntilFailed)
  }

  @Test("a daemon that was replaced unseen gets its batches again")
  func replaced() throws {
    let double = DaemonDouble { received in
      if received.number <= 10, received.count == 1 { return [] }
      return received.number == 60 ? [.restart, .result] : [.result]
    }
    defer { double.stop() }
    let counts = try batches.check([double])
    #expect(counts.restarts == 1)
    #expect(counts.resent >= 10)
  }

  @Test("a daemon that is busy is given the time it asks for")
  func busy() throws {
    let double = DaemonDouble { $0.count == 1 ? [.refusal(.busy, retryAfterMilliseconds: 20)] : [.result] }
    defer { double.stop() }
    let begun = ContinuousClock.now
    let counts = try batches.check([double], window: 1)
    #expect(counts.busy == 60)
    #expect(ContinuousClock.now - begun >= .milliseconds(60 * 20))
  }

  @Test("faults are tried again, but not for ever")
  func faults() throws {
    let double = DaemonDouble { $0.count <= 2 ? [.refusal(.internal)] : [.result] }
    defer { double.stop() }
    #expect(try Numbered(3).check([double]).faults == 6)
    let failing = DaemonDouble { _ in [.refusal(.internal)] }
    defer { failing.stop() }
    let error = #expect(throws: ClientError.self) { try Numbered(1).evaluate([failing]) }
    #expect((error.map(\.description) ?? "").contains("as the script says"))
  }

  @Test("what is refused for good ends the stream with the daemon's words")
  func refused() throws {
    let double = DaemonDouble { _ in [.refusal(.badOption)] }
    defer { double.stop() }
    let error = #expect(throws: ClientError.self) { try Numbered(1).evaluate([double]) }
    #expect((error.map(\.description) ?? "").contains("BAD_OPTION: as the script says"))
    #expect(double.receivedCount == 1)
  }

  @Test("batches of a daemon that is stopping go to another")
  func draining() throws {
    let draining = DaemonDouble(instance: 1) { _ in [.refusal(.draining)] }
    let other = DaemonDouble(instance: 2) { _ in [.result] }
    defer {
      draining.stop()
      other.stop()
    }
    let counts = try batches.check([draining, other])
    #expect(counts.draining >= 1)
    #expect(other.receivedCount == 60)
  }

  @Test("the daemon with the least under way gets the next batch")
  func spread() throws {
    let stuck = DaemonDouble(instance: 1) { _ in [] }
    let quick = DaemonDouble(instance: 2) { _ in [.result] }
    defer {
      stuck.stop()
      quick.stop()
    }
    // Whatever the stuck one has stays under way until its time is up.
    let counts = try batches.check([stuck, quick], resendSeconds: 1, window: 2)
    #expect(stuck.receivedCount <= 2)
    #expect(quick.receivedCount >= 58)
    #expect(counts.resent >= 1)
  }

  @Test("where nobody answers the error says for how long, and how far it came")
  func unanswered() throws {
    let silent = DaemonDouble { _ in [] }
    defer { silent.stop() }
    let error = #expect(throws: ClientError.self) { try batches.evaluate([silent], timeoutSeconds: 0.3) }
    #expect((error.map(\.description) ?? "").contains("within 0.3 s, after 0 of 60 batches"))
  }
}
