import TestSupport
import Testing

@testable import XentProtocol

@Suite("Results")
struct ResultTests {
  private func sample() -> ResultHeader {
    var header = ResultHeader()
    header.sequence = 5
    header.clientID = ClientID(low: 3, high: 4)
    header.rows = 3
    header.classes = 10
    header.status = .ok
    header.notes = [.someLossesNotFinite, .draining]
    header.flags = [.losses, .predictions, .message]
    (header.sum, header.weight, header.mean, header.finiteSum, header.finiteWeight, header.zSum) = (1, 2, 0.5, 3, 4, 5)
    (header.counted, header.ignored, header.invalid, header.notFinite) = (1, 2, 3, 4)
    (header.correct, header.topKCorrect, header.firstBadRow, header.retryAfterMilliseconds) = (5, 6, 7, 8)
    (header.queueNanoseconds, header.computeNanoseconds, header.serverInstance) = (9, 10, 11)
    return header
  }

  private func bytes(of header: ResultHeader) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xff, count: ResultHeader.byteCount)
    bytes.withUnsafeMutableBytes { header.write(to: $0) }
    return bytes
  }

  @Test("a header that is written is read as it was, every field")
  func roundTrip() throws {
    let written = bytes(of: sample())
    let read = try ResultHeader(parsing: written.span.bytes)
    #expect(bytes(of: read) == written)
    #expect("\(read)" == "\(sample())")
  }

  @Test("sections lie back to back in their order", arguments: 0...31, [0, 1, 7])
  func layout(flags: UInt32, rows: Int) {
    let layout = ResultLayout(rows: rows, flags: ResultFlags(rawValue: flags))
    let float = flags & 16 == 0 ? 4 : 8
    var end = ResultHeader.byteCount
    for (bit, offset, size) in [
      (1, layout.lossesOffset, float), (2, layout.logSumExpsOffset, float), (4, layout.predictionsOffset, 4),
      (8, layout.verdictsOffset, 1),
    ] {
      #expect(offset == (flags & UInt32(bit) == 0 ? nil : end))
      if offset != nil { end += rows * size }
    }
    #expect(layout.byteCount == end)
  }

  @Test("a result is read section by section, and each truncation is refused")
  func sections() throws {
    var frame = bytes(of: sample())
    for loss in [Float(1.5), .nan, .infinity] { withUnsafeBytes(of: loss) { frame += $0 } }
    for prediction in [Int32(9), 0, 3] { withUnsafeBytes(of: prediction) { frame += $0 } }
    frame += "row 1: ü".utf8
    let result = try BatchResult(parsing: frame.span.bytes)
    let losses = result.losses(in: frame.span.bytes)
    #expect(losses[0] == 1.5 && losses[1].isNaN && losses[2] == .infinity)
    #expect(result.predictions(in: frame.span.bytes) == [9, 0, 3])
    #expect(result.logSumExps(in: frame.span.bytes).isEmpty && result.verdicts(in: frame.span.bytes).isEmpty)
    #expect(result.message(in: frame.span.bytes) == "row 1: ü")
    for count in 0..<ResultHeader.byteCount + 24 {
      let part = Array(frame[..<count])
      #expect(throws: ResultError.self) { _ = try BatchResult(parsing: part.span.bytes) }
    }
  }

  @Test("the info message is JSON, whatever a lane is called")
  func info() {
    let message = InfoMessage(
      version: "1", kernel: "k", workers: 2, lane: "a\"\\\n\u{1}ü", uptimeSeconds: 0.5, limits: RequestLimits())
    #expect(message.json().contains(#""lane": "a\"\\\u000a\u0001ü""#))
  }
}
