import TestSupport
import Testing

@testable import XentProtocol

@Suite("Requests")
struct RequestTests {
  private func parse(_ frames: [[UInt8]], limits: RequestLimits = RequestLimits()) throws(Refusal) -> Request {
    let bytes = frames[0]
    return try Request(parsing: bytes.span.bytes, frames: FrameSizes(frames.map(\.count)), limits: limits)
  }

  private func refusal(_ frames: [[UInt8]], limits: RequestLimits = RequestLimits()) -> Refusal? {
    do throws(Refusal) {
      _ = try parse(frames, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test("every golden request is read, or refused with its status and in words", arguments: Vector.all)
  func vectors(vector: Vector) {
    // The values of class weights are the engine's to check.
    guard vector.name != "refused-bad-class-weight" else { return }
    let refusal = refusal(vector.frameBytes)
    #expect(refusal?.status.rawValue ?? 0 == vector.expect.status)
    guard let refusal else { return }
    for words in vector.expect.messageContains { #expect(refusal.message.contains(words), "\(refusal.message)") }
  }

  @Test("the sections of a golden request lie where its frames are", arguments: Vector.all)
  func places(vector: Vector) throws {
    guard vector.expect.status == 0, let request = try? parse(vector.frameBytes) else { return }
    let sections = Section.allCases.compactMap { request.place(of: $0) }
    if vector.frames.count == 1 {
      var offset = RequestHeader.byteCount
      for place in sections {
        #expect(place.frame == 0 && place.offset == offset)
        offset += place.byteCount
      }
      #expect(offset == vector.bytes.count)
    } else {
      #expect(sections.map(\.frame) == Array(1..<vector.frames.count))
      #expect(sections.map(\.byteCount) == Array(vector.frames.dropFirst()))
    }
  }

  @Test("every truncation of a golden request is refused as malformed or as before", arguments: Vector.all)
  func truncations(vector: Vector) {
    // This one is a sound request with a byte behind it.
    guard vector.name != "refused-bytes-behind" else { return }
    for count in 0..<vector.bytes.count {
      let status = refusal([Array(vector.bytes[..<count])])?.status
      #expect(status != nil, "\(count) bytes")
      if vector.expect.status == 0, vector.frames.count == 1 { #expect(status == .malformed) }
    }
    guard vector.frames.count > 1 else { return }
    for index in vector.frames.indices where !vector.frameBytes[index].isEmpty {
      var frames = vector.frameBytes
      frames[index].removeLast()
      #expect(refusal(frames)?.status == .malformed)
      frames[index] += [0, 0]
      #expect(refusal(frames)?.status == .malformed)
    }
  }

  @Test("no mutation of a request stops the parser")
  func mutations() {
    var random = SplitMix64(seed: 1)
    for round in 0..<100_000 {
      let vector = Vector.all[round % Vector.all.count]
      var bytes = vector.bytes
      guard !bytes.isEmpty else { continue }
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<min(bytes.count, 96), using: &random)] = .random(in: 0...255, using: &random)
      }
      _ = refusal([bytes])
    }
  }

  @Test("a header that is written is read as it was")
  func roundTrip() throws {
    var header = RequestHeader()
    header.sequence = .max
    header.clientID = ClientID(low: 1, high: 2)
    header.rows = 0
    header.classes = 3
    header.labelKind = .probabilities
    header.labelType = .bf16
    header.logitsType = .f64
    header.topK = 5
    header.flags = [.losses, .float64]
    header.ignoreIndex = -100
    header.labelSmoothing = 0.1
    header.zLoss = 1e-4
    header.temperature = 2
    header.softcap = 30
    header.labelTolerance = 0.01
    header.deadlineMilliseconds = 50
    header.sentAtNanoseconds = 1 << 60
    #expect(try parse([bytes(of: header)]).header == header)
    var info = RequestHeader()
    info.type = .info
    info.sequence = 9
    #expect(try parse([bytes(of: info)]).header == info)
  }

  private func bytes(of header: RequestHeader) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xff, count: RequestHeader.byteCount)
    bytes.withUnsafeMutableBytes { header.write(to: $0) }
    return bytes
  }

  /// Faults in the order in which they are looked for: each is refused as such whatever stands behind it.
  private static let faults: [(name: String, status: Status, apply: @Sendable (inout [UInt8]) -> Void)] = [
    ("magic", .malformed, { $0[0] = 0 }),
    ("version", .unsupportedVersion, { $0[4] = 9 }),
    ("type", .unsupported, { $0[5] = 9 }),
    ("header size", .malformed, { $0[6] = 9 }),
    ("reserved", .malformed, { $0[90] = 9 }),
    ("logits type", .unsupported, { $0[40] = 9 }),
    ("label kind", .unsupported, { $0[41] = 9 }),
    ("label type", .unsupported, { $0[42] = 9 }),
    ("flags", .unsupported, { $0[47] = 0x80 }),
    ("classes", .badShape, { $0.replaceSubrange(36..<40, with: [0, 0, 0, 0]) }),
    ("rows", .badShape, { $0.replaceSubrange(32..<36, with: [0xff, 0xff, 0xff, 0x7f]) }),
    ("request", .tooLarge, { $0.replaceSubrange(32..<36, with: [0, 0, 0, 1]) }),
    ("logits", .malformed, { $0.replaceSubrange(32..<36, with: [9, 0, 0, 0]) }),
    ("label smoothing", .badOption, { $0.replaceSubrange(56..<60, with: [0, 0, 0x80, 0x3f]) }),
  ]

  @Test("the first of two faults, in the order of the protocol, is the answer")
  func order() {
    var header = RequestHeader()
    header.rows = 2
    let sound = bytes(of: header) + [UInt8](repeating: 0, count: 2 * 4 + 2 * 8)
    #expect(refusal([sound]) == nil)
    for (first, fault) in Self.faults.enumerated() {
      for later in Self.faults[first...] {
        var bytes = sound
        later.apply(&bytes)
        fault.apply(&bytes)
        #expect(refusal([bytes])?.status == fault.status, "\(fault.name) before \(later.name)")
        #expect(refusal([bytes])?.message.hasPrefix(fault.name) == true, "\(fault.name) before \(later.name)")
      }
    }
  }

  @Test("products that 64 bits do not hold are refused, not computed", arguments: [UInt32.max, 1 << 31, 1 << 24])
  func overflow(classes: UInt32) {
    var header = RequestHeader()
    header.rows = .max
    header.classes = classes
    header.logitsType = .f64
    header.labelKind = .probabilities
    header.labelType = .f64
    var limits = RequestLimits()
    limits.maximumRowCount = .max
    limits.maximumClassCount = .max
    limits.maximumRequestByteCount = .max
    limits.maximumResultByteCount = .max
    #expect(refusal([bytes(of: header)], limits: limits)?.status == .badShape)
  }

  @Test("a result that is asked for counts against the lane's limit")
  func resultLimit() {
    var header = RequestHeader()
    header.rows = 10
    header.flags = [.losses, .float64]
    let request = bytes(of: header) + [UInt8](repeating: 0, count: 10 * 12)
    var limits = RequestLimits()
    limits.maximumResultByteCount = ResultHeader.byteCount + 80
    #expect(refusal([request], limits: limits) == nil)
    limits.maximumResultByteCount -= 1
    #expect(refusal([request], limits: limits)?.status == .tooLarge)
    #expect(refusal([request], limits: limits)?.message.contains("239 bytes, this needs 240") == true)
  }

  @Test("a refusal echoes what of the header there is")
  func echo() {
    var header = RequestHeader()
    header.sequence = 77
    header.clientID = ClientID(low: 5, high: 6)
    header.rows = 8
    header.classes = 9
    let whole = bytes(of: header)
    for (count, sequence, client, rows) in [
      (15, 0, 0, 0), (16, 77, 0, 0), (31, 77, 0, 0), (32, 77, 5, 0), (95, 77, 5, 0), (96, 77, 5, 8),
    ] {
      let answer = refusal([Array(whole[..<count])])
      #expect(answer?.sequence == UInt64(sequence) && answer?.clientID.low == UInt64(client), "\(count) bytes")
      #expect(answer?.rows == UInt32(rows), "\(count) bytes")
    }
    #expect(refusal([[0] + whole.dropFirst()])?.sequence == 0)
  }
}
