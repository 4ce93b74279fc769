import ArgumentParser
import Glibc
import XentProtocol

/// Which results are compared with what must come back.
enum VerificationMode: String, CaseIterable, ExpressibleByArgument, Sendable { case all, sample, off }

/// Compares results with what must come back.
///
/// The first result of each batch is compared with the independent computation; later ones must have the same bits.
struct Verifier {
  /// Of how many results one is looked at when a sample is taken.
  private static let samplePeriod = 16.0

  private let workload: Workload
  private let mode: VerificationMode
  private let kernel: String
  private var random: SplitMix64
  /// The figures and sections of each batch's first result.
  private(set) var firstResults: [[UInt8]?]
  private(set) var verifiedCount = 0

  init(_ workload: Workload, mode: VerificationMode, kernel: String, seed: UInt64) {
    self.workload = workload
    self.mode = mode
    self.kernel = kernel
    random = SplitMix64(seed: seed)
    firstResults = Array(repeating: nil, count: workload.batches.count)
  }

  /// Looks at a result, if it is one of those to be looked at.
  mutating func check(_ result: BatchResult, _ bytes: RawSpan, batch index: Int) -> Violation? {
    let batch = workload.batches[index]
    let header = result.header
    guard header.rows == batch.header.rows, header.classes == batch.header.classes else {
      return .wrong(
        sequence: header.sequence,
        what: "expected \(batch.rows) x \(batch.classes), received \(header.rows) x \(header.classes)")
    }
    guard isChosen(index), let expected = batch.expected else { return nil }
    verifiedCount += 1
    return bytes.withUnsafeBytes { raw in
      guard let first = firstResults[index] else { return checkFirst(result, bytes, raw, index, expected) }
      if Self.hasSameBits(raw, first) { return nil }
      return Self.difference(Self.comparable(raw), first).map { .otherBits(sequence: header.sequence, what: $0) }
    }
  }

  private mutating func isChosen(_ index: Int) -> Bool {
    switch mode {
    case .off: false
    case .all: true
    case .sample: firstResults[index] == nil || random.unit() * Self.samplePeriod < 1
    }
  }

  private mutating func checkFirst(
    _ result: BatchResult, _ bytes: RawSpan, _ raw: UnsafeRawBufferPointer, _ index: Int, _ expected: ExpectedBatch
  ) -> Violation? {
    firstResults[index] = Array(Self.comparable(raw))
    let request = workload.batches[index].header
    let problem =
      figuresProblem(result.header, expected) ?? lossesProblem(result.losses(in: bytes), request, expected)
    return problem.map { .wrong(sequence: result.header.sequence, what: $0) }
  }

  private func figuresProblem(_ header: ResultHeader, _ expected: ExpectedBatch) -> String? {
    // The f32-grade exponentials of a row are good to 1e-7 of its loss.
    let allowed = 2e-7 * expected.magnitude
    for (name, received, exact, error) in [
      ("sum", header.sum, expected.sum, allowed), ("weight", header.weight, expected.weight, 0),
      ("mean", header.mean, header.sum / header.weight, header.mean.magnitude.ulp),
      ("invalid", Double(header.invalid), Double(expected.invalid), 0),
      ("correct", Double(header.correct), Double(expected.correct), 0),
    ] where !(received == exact || abs(received - exact) <= error || (received.isNaN && exact.isNaN)) {
      return "\(name): expected \(exact), received \(received)"
    }
    return nil
  }

  private func lossesProblem(_ losses: [Double], _ request: RequestHeader, _ expected: ExpectedBatch) -> String? {
    guard request.flags.contains(.losses) else { return nil }
    guard losses.count == expected.losses.count else {
      return "expected \(expected.losses.count) losses, received \(losses.count)"
    }
    let tolerance = Tolerance(request, kernel: kernel)
    let isFloat64 = request.flags.contains(.float64)
    for (row, (loss, exact)) in zip(losses, expected.losses).enumerated() {
      let distance = Tolerance.distance(loss, from: exact, isFloat64: isFloat64)
      if distance > tolerance.ulps {
        return
          "row \(row): expected \(exact), received \(loss): \(distance) ulp off, and \(tolerance.ulps) are promised"
      }
    }
    return nil
  }

  /// Of the header: flags and figures. What is before them is echoed or differs with the daemon's mood, what is behind
  /// them differs each time.
  private static let figures = 44..<124

  private static func comparable(_ raw: UnsafeRawBufferPointer) -> [UInt8] {
    Array(raw[figures]) + raw[ResultHeader.byteCount...]
  }

  private static func hasSameBits(_ raw: UnsafeRawBufferPointer, _ first: [UInt8]) -> Bool {
    guard raw.count - ResultHeader.byteCount == first.count - figures.count, let base = raw.baseAddress else {
      return false
    }
    return first.withUnsafeBytes { first in
      guard let start = first.baseAddress else { return false }
      let sectionsCount = first.count - figures.count
      return memcmp(base + figures.lowerBound, start, figures.count) == 0
        && memcmp(base + ResultHeader.byteCount, start + figures.count, sectionsCount) == 0
    }
  }

  /// Where two results differ first, counted from the start of their frames; nil if nowhere.
  static func difference(_ received: [UInt8], _ first: [UInt8]) -> String? {
    guard received.count == first.count else { return "\(first.count) bytes before, \(received.count) now" }
    guard let place = received.indices.first(where: { received[$0] != first[$0] }) else { return nil }
    let offset =
      place < figures.count ? place + figures.lowerBound : place - figures.count + ResultHeader.byteCount
    return "byte \(offset): \(first[place]) before, \(received[place]) now"
  }
}
