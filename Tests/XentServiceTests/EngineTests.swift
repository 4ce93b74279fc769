import CrossEntropy
import TestSupport
import Testing
import XentProtocol

@testable import XentService

private func makeEngine() -> Engine {
  let identity = EngineIdentity(version: "test", kernelName: "test", serverInstance: 99)
  return Engine(identity: identity, kernel: .best, workerCount: 3)
}

/// An engine that is asked one request at a time, as bytes.
///
/// - Parameter misalignment: where each frame begins, counted from an address that is a multiple of 64.
private func answer(_ frames: [[UInt8]], misalignment: Int = 0) -> [UInt8] {
  let engine = makeEngine()
  let limits = RequestLimits()
  let blocks = frames.map { frame in
    UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count + misalignment, alignment: 64)
  }
  defer { blocks.forEach { $0.deallocate() } }
  let memory = zip(blocks, frames).map { block, frame in
    let copy = UnsafeMutableRawBufferPointer(rebasing: block[misalignment...])
    copy.copyBytes(from: frame)
    return copy
  }
  var request = RequestFrames()
  for frame in memory { request.append(UnsafeRawBufferPointer(frame)) }
  engine.beginRound()
  var plan = BatchPlan()
  switch engine.plan(&plan, request, limits: limits) {
  case .refusal(let refusal): return bytes(of: engine.reply(to: refusal, isDraining: false))
  case .info(let header):
    let lane = LaneConfiguration(name: "lane", sockets: .router([]))
    return bytes(of: engine.reply(toInfo: header, lane: lane, uptimeSeconds: 1, isDraining: false))
  case .batch:
    var result = [UInt8](repeating: 0xff, count: plan.resultByteCount)
    return result.withUnsafeMutableBytes { section in
      engine.schedule(&plan, request, result: section)
      engine.compute()
      let message = engine.message(for: plan)
      let whole = UnsafeMutableRawBufferPointer.allocate(
        byteCount: section.count + (message?.utf8.count ?? 0), alignment: 1)
      defer { whole.deallocate() }
      whole.copyBytes(from: section)
      let times = BatchTimes(queueNanoseconds: 5, computeNanoseconds: 6)
      engine.finish(plan, message: message, times: times, isDraining: false, result: whole)
      return Array(whole)
    }
  }
}

private func bytes(of reply: Reply) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xff, count: reply.byteCount)
  bytes.withUnsafeMutableBytes { reply.write(to: $0) }
  return bytes
}

@Suite("Engine")
struct EngineTests {
  @Test("every golden vector is answered as it says", arguments: Vector.all)
  func vectors(vector: Vector) throws {
    let frame = answer(vector.frameBytes)
    let result = try BatchResult(parsing: frame.span.bytes)
    let message = result.message(in: frame.span.bytes)
    #expect(result.header.status.rawValue == vector.expect.status, "\(message ?? "")")
    for words in vector.expect.messageContains { #expect(message?.contains(words) == true, "\(message ?? "")") }
    #expect(result.header.serverInstance == 99)
    guard vector.expect.notes != nil else {
      #expect(result.header.flags == .message && result.header.mean.isNaN && result.header.firstBadRow == .max)
      return
    }
    try expectFigures(result.header, vector.expect)
    try expectRows(result, frame, vector.expect)
    #expect((message != nil) == (result.header.notFinite > 0))
  }

  private func expectFigures(_ header: ResultHeader, _ expect: Vector.Expectation) throws {
    #expect(header.notes.rawValue == expect.notes)
    #expect(header.counted == expect.counted && header.ignored == expect.ignored)
    #expect(header.invalid == expect.invalid && header.notFinite == expect.notFinite)
    #expect(header.correct == expect.correct && header.firstBadRow == expect.firstBadRow)
    #expect(header.queueNanoseconds == 5 && header.computeNanoseconds == 6)
    for (value, text) in [
      (header.sum, expect.sum), (header.mean, expect.mean), (header.finiteSum, expect.finiteSum),
      (header.weight, expect.weight), (header.finiteWeight, expect.finiteWeight),
    ] {
      #expect(isNear(value, try #require(text), relative: 2e-7), "\(value), expected \(text ?? "")")
    }
  }

  private func expectRows(_ result: BatchResult, _ frame: [UInt8], _ expect: Vector.Expectation) throws {
    let flags = result.header.flags
    let losses = result.losses(in: frame.span.bytes)
    if flags.contains(.losses) {
      for (loss, text) in zip(losses, try #require(expect.losses)) {
        #expect(isNear(loss, text, relative: 2e-7), "\(loss), expected \(text)")
        #expect(!(loss == 0 && loss.sign == .minus))
      }
      #expect(losses.count == Int(result.header.rows))
    }
    if flags.contains(.logSumExps) {
      for (lse, text) in zip(result.logSumExps(in: frame.span.bytes), try #require(expect.logSumExps)) {
        #expect(isNear(lse, text, relative: 2e-7), "\(lse), expected \(text)")
      }
    }
    if flags.contains(.predictions) { #expect(result.predictions(in: frame.span.bytes) == expect.predictions) }
    if flags.contains(.verdicts) { #expect(result.verdicts(in: frame.span.bytes) == expect.verdicts) }
  }

  private func isNear(_ value: Double, _ text: String, relative: Double) -> Bool {
    guard let exact = Double(text) else { return false }
    if exact.isNaN { return value.isNaN }
    // Losses below the smallest normal float lose bits to it.
    return value == exact || abs(value - exact) <= relative * abs(exact) + 1e-45
  }

  @Test(
    "a request is answered at every address with the same bytes, packed and split",
    arguments: ["wide-rows", "integer-i64", "one-hot-f64", "one-hot-f16", "both-weights"])
  func alignment(name: String) throws {
    let vector = try #require(Vector.all.first { $0.name == name })
    let expected = answer([vector.bytes])
    for misalignment in 0..<64 {
      #expect(answer([vector.bytes], misalignment: misalignment) == expected)
    }
    guard vector.frames.count > 1 else { return }
    for misalignment in 0..<64 { #expect(answer(vector.frameBytes, misalignment: misalignment) == expected) }
  }

  @Test("the verdicts of the computation are those of the wire")
  func verdictNumbers() {
    for raw in UInt8.min...UInt8.max {
      guard let row = RowVerdict(rawValue: raw) else { continue }
      #expect(Verdict(rawValue: raw).map { "\($0)" } == "\(row)")
    }
  }

  @Test("many batches in one round have the answers that they have alone")
  func together() throws {
    let engine = makeEngine()
    for _ in 0..<3 {
      engine.beginRound()
      var batches: [(plan: BatchPlan, memory: UnsafeMutableRawBufferPointer, result: UnsafeMutableRawBufferPointer)] =
        []
      defer {
        for batch in batches {
          batch.memory.deallocate()
          batch.result.deallocate()
        }
      }
      for vector in Vector.all where vector.frames.count == 1 {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: vector.bytes.count, alignment: 8)
        memory.copyBytes(from: vector.bytes)
        var request = RequestFrames()
        request.append(UnsafeRawBufferPointer(memory))
        var plan = BatchPlan()
        guard case .batch = engine.plan(&plan, request, limits: RequestLimits()) else {
          memory.deallocate()
          continue
        }
        let result = UnsafeMutableRawBufferPointer.allocate(byteCount: plan.resultByteCount, alignment: 8)
        engine.schedule(&plan, request, result: result)
        batches.append((plan, memory, result))
      }
      engine.compute()
      for batch in batches {
        let alone = answer([Array(batch.memory)])
        #expect(
          batch.result[ResultHeader.byteCount...].elementsEqual(alone[ResultHeader.byteCount..<batch.result.count]))
      }
    }
  }
}
