import CrossEntropy
import XentProtocol

/// Bytes in, bytes out: parses requests, computes them together, writes their results. It has no socket and no clock.
///
/// A round goes: `plan` each request; for each batch `schedule` it with memory for its result; `compute` once; for each
/// batch ask for its `message`, then `finish` it. The memory of requests and results is borrowed until `finish`; that of
/// the plans is the caller's, who uses it again.
package final class Engine {
  private let round: Round
  private let identity: EngineIdentity

  package init(identity: EngineIdentity, kernel: Kernel, workerCount: Int) {
    self.identity = identity
    round = Round(workerCount: workerCount, kernel: kernel)
  }

  /// Serves on this thread, which computes too, with workers that wait for its rounds. Once; not to be called from a Swift
  /// task.
  package func withWorkers<Failure: Error>(_ serve: () throws(Failure) -> Void) throws(Failure) {
    try round.pool.run(serve)
  }

  /// Forgets the last round.
  package func beginRound() { round.removeAll() }

  /// Reads a request and says what it asks for, and of a batch, in `plan`, what its answer takes.
  package func plan(_ plan: inout BatchPlan, _ frames: RequestFrames, limits: RequestLimits) -> RequestKind {
    do throws(Refusal) {
      let request = try Request(parsing: frames.first.bytes, frames: frames.sizes, limits: limits)
      if request.header.type == .info { return .info(request.header) }
      try checkClassWeights(of: request, frames)
      plan = BatchPlan(request: request)
      return .batch
    } catch {
      return .refusal(error)
    }
  }

  /// Takes a batch into the round.
  ///
  /// - Parameter result: `plan.resultByteCount` bytes, which `compute` and `finish` fill.
  package func schedule(_ plan: inout BatchPlan, _ frames: RequestFrames, result: UnsafeMutableRawBufferPointer) {
    plan.place = round.add(LossBatch(plan.request, frames, layout: plan.layout, result: result.baseAddress!))
  }

  /// How many workers will take part in computing the round.
  package var roundWorkerCount: Int { round.sharerCount }

  /// Computes all batches of the round. Blocks; not to be called from a Swift task.
  package func compute() { round.compute() }

  /// What the result must say of rows that are invalid or not finite; nil where there are none.
  package func message(for plan: BatchPlan) -> String? {
    guard let badRow = round.firstBadRow(ofBatch: plan.place) else { return nil }
    return round.batch(plan.place).description(of: badRow)
  }

  /// Writes the header, and behind the sections the message.
  ///
  /// - Parameter result: the bytes that `schedule` was given, or a copy that has room for the message too.
  package func finish(
    _ plan: BatchPlan, message: String?, times: BatchTimes, isDraining: Bool,
    result: UnsafeMutableRawBufferPointer
  ) {
    var header = ResultHeader(
      figures: round.figures(ofBatch: plan.place), request: plan.request.header, isDraining: isDraining)
    header.queueNanoseconds = times.queueNanoseconds
    header.computeNanoseconds = times.computeNanoseconds
    header.serverInstance = identity.serverInstance
    if let message {
      header.flags.insert(.message)
      UnsafeMutableRawBufferPointer(rebasing: result[plan.resultByteCount...]).copyBytes(from: message.utf8)
    }
    header.write(to: result)
  }

  /// The whole result of a request that is not computed.
  package func reply(to refusal: Refusal, isDraining: Bool) -> Reply {
    var header = ResultHeader(refusal)
    header.serverInstance = identity.serverInstance
    if isDraining { header.notes.insert(.draining) }
    return Reply(header: header, message: refusal.message)
  }

  /// The whole result of an info request.
  package func reply(toInfo request: RequestHeader, lane: LaneConfiguration, uptimeSeconds: Double, isDraining: Bool)
    -> Reply
  {
    var header = ResultHeader(info: request)
    header.serverInstance = identity.serverInstance
    if isDraining { header.notes.insert(.draining) }
    let message = InfoMessage(
      version: identity.version, kernel: identity.kernelName, workers: round.workerCount, lane: lane.name,
      uptimeSeconds: uptimeSeconds, limits: lane.limits)
    return Reply(header: header, message: message.json())
  }

  private func checkClassWeights(of request: Request, _ frames: RequestFrames) throws(Refusal) {
    guard let place = request.place(of: .classWeights) else { return }
    let weights = frames.pointer(to: place)
    for index in 0..<Int(request.header.classes) {
      let weight = weights.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
      guard weight.isFinite, weight >= 0 else {
        throw Refusal(
          status: .badOption,
          message: "class weights: the weight of class \(index) is \(weight); it must be finite and at least 0",
          answering: request.header)
      }
    }
  }
}

/// What an engine says of itself.
package struct EngineIdentity: Sendable {
  package let version: String
  package let kernelName: String
  /// Random for each start of the daemon.
  package let serverInstance: UInt64

  package init(version: String, kernelName: String, serverInstance: UInt64) {
    self.version = version
    self.kernelName = kernelName
    self.serverInstance = serverInstance
  }
}

/// What a request asks for.
package enum RequestKind {
  /// A batch, which a `BatchPlan` describes.
  case batch
  indirect case info(RequestHeader)
  indirect case refusal(Refusal)
}

/// A batch on its way through a round.
package struct BatchPlan {
  package let request: Request
  let layout: ResultLayout
  /// In the round.
  var place = 0

  /// The plan of no batch yet.
  package init() { self.init(request: Request()) }

  init(request: Request) {
    self.request = request
    layout = ResultLayout(rows: Int(request.header.rows), flags: request.header.flags)
  }

  /// Bytes of the result without a message.
  package var resultByteCount: Int { layout.byteCount }
}

/// How long a batch waited and was computed.
package struct BatchTimes: Sendable {
  package var queueNanoseconds: UInt64
  package var computeNanoseconds: UInt64

  package init(queueNanoseconds: UInt64, computeNanoseconds: UInt64) {
    self.queueNanoseconds = queueNanoseconds
    self.computeNanoseconds = computeNanoseconds
  }
}

/// A result of a header and a message alone.
package struct Reply {
  var header: ResultHeader
  var message: String

  init(header: ResultHeader, message: String) {
    self.header = header
    self.header.flags.insert(.message)
    self.message = message
  }

  package var byteCount: Int { ResultHeader.byteCount + message.utf8.count }

  /// Writes the result to `byteCount` bytes.
  package func write(to result: UnsafeMutableRawBufferPointer) {
    header.write(to: result)
    UnsafeMutableRawBufferPointer(rebasing: result[ResultHeader.byteCount...]).copyBytes(from: message.utf8)
  }
}
