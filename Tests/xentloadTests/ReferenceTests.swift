import Testing
import XentProtocol

@testable import xentload

@Suite("The independent computation")
struct ReferenceTests {
  private func batch(_ rows: [[Double]], labels: [Int64]) -> PreparedBatch {
    var header = RequestHeader()
    header.rows = UInt32(rows.count)
    header.classes = UInt32(rows[0].count)
    header.logitsType = .f64
    let logits = UnsafeMutableBufferPointer<Double>.allocate(capacity: rows.count * rows[0].count)
    _ = logits.initialize(from: rows.joined())
    let indices = UnsafeMutableBufferPointer<Int64>.allocate(capacity: labels.count)
    _ = indices.initialize(from: labels)
    return PreparedBatch(
      header: header, logits: UnsafeRawBufferPointer(logits), labels: UnsafeRawBufferPointer(indices))
  }

  @Test("equal logits cost the logarithm of the number of classes", arguments: [1, 2, 10, 1000])
  func equalLogits(classes: Int) {
    let expected = ExpectedBatch(of: batch([Array(repeating: 7, count: classes)], labels: [0]))
    #expect(abs(expected.losses[0] - Double.log(classes)) <= Double.log(classes).ulp)
    #expect(expected.correct == 1)
  }

  @Test("confident rows keep their tiny losses, and offsets change nothing")
  func tinyLosses() {
    let expected = ExpectedBatch(of: batch([[50, 0], [1e8 + 50, 1e8]], labels: [0, 0]))
    // log(1 + exp(-50)) is exp(-50) to the last bit.
    let exact = 1.928749847963918e-22
    #expect(expected.losses.allSatisfy { abs($0 / exact - 1) < 1e-15 })
  }

  @Test("special rows have the losses that the numerics lay down")
  func specialRows() {
    let infinity = Double.infinity
    let rows = [[.nan, 1], [infinity, 1], [-infinity, -infinity], [-infinity, 1], [1, -infinity], [1, 2]]
    let expected = ExpectedBatch(of: batch(rows, labels: [0, 1, 0, 0, 0, 2]))
    #expect(expected.losses[0...2].allSatisfy { $0.isNaN })
    #expect(expected.losses[3] == infinity)
    #expect(expected.losses[4] == 0)
    #expect(expected.losses[5].isNaN && expected.invalid == 1 && expected.weight == 5)
  }

  @Test("distances are told in units of the last place of the result's type")
  func distances() {
    #expect(Tolerance.distance(1.0 + Double(Float.ulpOfOne), from: 1.0, isFloat64: false) == 1)
    #expect(Tolerance.distance(1.0.nextUp, from: 1.0, isFloat64: true) == 1)
    #expect(Tolerance.distance(.nan, from: .nan, isFloat64: true) == 0)
    #expect(Tolerance.distance(.nan, from: 1, isFloat64: true) == .infinity)
    #expect(Tolerance.distance(.infinity, from: .infinity, isFloat64: false) == 0)
  }
}

extension Double {
  fileprivate static func log(_ count: Int) -> Double { Double.logarithm1p(Double(count) - 1) }
}
