import CrossEntropy
import XentProtocol

/// A batch whose exact answer is known, put through the engine now and then: what says that the machine computes, and
/// computes right.
///
/// The logits of each row are -8 to 8 in steps of a sixteenth, in an order of its own, so that every row has the same
/// log-sum-exp.
final class SelfTest {
  private static let rowCount = 16
  private static let classCount = 257
  /// log Σ exp(k / 16), k from -128 to 128; by mpmath with 40 digits.
  private static let logSumExp = 10.803675861413958
  /// The baseline kernel's promise, for losses from 2 to 19, whose last bit is worth at most this much.
  private static let tolerance = 2.5 * Double(Float(16).ulp)

  private let engine: Engine
  private let request: UnsafeMutableRawBufferPointer
  /// One for each worker, and so many that the round is shared.
  private let results: [UnsafeMutableRawBufferPointer]
  private let plan: BatchPlan

  init(engine: Engine, workerCount: Int) {
    self.engine = engine
    request = Self.makeRequest()
    var plan = BatchPlan()
    guard case .batch = engine.plan(&plan, Self.frames(request), limits: RequestLimits()) else {
      preconditionFailure("the self-test's request is a batch")
    }
    self.plan = plan
    let byteCount = plan.resultByteCount
    let leastCount = Round.leastSharedByteCount / (Self.rowCount * Self.classCount * 4) + 1
    results = (0..<max(leastCount, min(workerCount, 64))).map { _ in
      UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
    }
  }

  deinit {
    request.deallocate()
    for result in results { result.deallocate() }
  }

  /// Computes the batch, between rounds.
  /// - Returns: what is wrong with the answer; nil where nothing is.
  func run() -> String? {
    engine.beginRound()
    let frames = Self.frames(request)
    var places: [BatchPlan] = []
    for result in results {
      var plan = plan
      engine.schedule(&plan, frames, result: result)
      places.append(plan)
    }
    engine.compute()
    for (plan, result) in zip(places, results) {
      if let message = engine.message(for: plan) { return message }
      engine.finish(
        plan, message: nil, times: BatchTimes(queueNanoseconds: 0, computeNanoseconds: 0), isDraining: false,
        result: result)
      if let problem = problem(in: UnsafeRawBufferPointer(result)) { return problem }
    }
    return nil
  }

  private func problem(in bytes: UnsafeRawBufferPointer) -> String? {
    guard let result = try? BatchResult(parsing: bytes.bytes) else { return "the result's header is not one" }
    guard Int(result.header.counted) == Self.rowCount else {
      return "expected \(Self.rowCount) counted rows, received \(result.header.counted)"
    }
    var sum = 0.0
    for (row, loss) in result.losses(in: bytes.bytes).enumerated() {
      let expected = Self.logSumExp - Double(Self.logit(row, Self.label(row)))
      // Not `>`, which a NaN would pass.
      guard abs(loss - expected) <= Self.tolerance else { return "row \(row): expected \(expected), received \(loss)" }
      sum += expected
    }
    let mean = sum / Double(Self.rowCount)
    guard abs(result.header.mean - mean) <= Self.tolerance else {
      return "mean: expected \(mean), received \(result.header.mean)"
    }
    return nil
  }

  private static func logit(_ row: Int, _ column: Int) -> Float {
    Float((row * 37 + column * 91) % classCount - 128) / 16
  }

  private static func label(_ row: Int) -> Int { row * 16 }

  private static func makeRequest() -> UnsafeMutableRawBufferPointer {
    var header = RequestHeader()
    header.rows = UInt32(rowCount)
    header.classes = UInt32(classCount)
    header.flags = .losses
    let logitsByteCount = rowCount * classCount * 4
    let request = UnsafeMutableRawBufferPointer.allocate(
      byteCount: RequestHeader.byteCount + logitsByteCount + rowCount * 8, alignment: 64)
    header.write(to: request)
    for row in 0..<rowCount {
      for column in 0..<classCount {
        let offset = RequestHeader.byteCount + (row * classCount + column) * 4
        request.storeBytes(of: logit(row, column), toByteOffset: offset, as: Float.self)
      }
      let offset = RequestHeader.byteCount + logitsByteCount + row * 8
      request.storeBytes(of: Int64(label(row)), toByteOffset: offset, as: Int64.self)
    }
    return request
  }

  private static func frames(_ request: UnsafeMutableRawBufferPointer) -> RequestFrames {
    var frames = RequestFrames()
    frames.append(UnsafeRawBufferPointer(request))
    return frames
  }
}

/// What was wrong with the answer to the self-test.
package struct SelfTestError: Error, CustomStringConvertible {
  let failure: String
  package var description: String { "self-test failed: \(failure); this machine or this build computes wrong" }
}
