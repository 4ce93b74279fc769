import TestSupport
import Testing

@testable import CrossEntropy

@Suite("16-bit logits")
struct HalfPrecisionTests {
  private func widened(_ bits: UInt16, _ type: LogitType) -> Float {
    type == .f16 ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
  }

  private func bits(_ losses: [Float]) -> [UInt32] { losses.map { $0.isNaN ? .max : $0.bitPattern } }

  @Test(
    "have the bits of the f32 logits that they are widened to", arguments: [LogitType.f16, .bf16],
    [1, 2, 10, 65, 80, 192, 193, 1000, 2049, 70_000])
  func sameBits(type: LogitType, classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let rows = (0..<(classCount > 10_000 ? 2 : 35)).map { _ in
      random.floats(count: classCount, spread: 5).map { value in
        type == .f16 ? Float16(value).bitPattern : UInt16(value.bitPattern >> 16)
      }
    }
    let labels = rows.map { _ in Int.random(in: 0..<classCount, using: &random) }
    for kernel in kernels {
      let expected = computedLosses(rows.map { $0.map { widened($0, type) } }, labels: labels, kernel: kernel)
      #expect(
        bits(computedLosses(rows, type: type, labels: labels, kernel: kernel)) == bits(expected), "\(kernel.name)")
    }
  }

  @Test("every value is widened exactly: subnormal, infinite and NaN ones too", arguments: [LogitType.f16, .bf16])
  func everyValue(type: LogitType) {
    for (narrow, classCount) in [(true, 2), (false, 66)] {
      let rows = (UInt16.min...UInt16.max).map { [$0] + [UInt16](repeating: 0, count: classCount - 1) }
      let labels = rows.map { _ in 1 }
      for kernel in kernels where narrow || kernel.name != "baseline" {
        let expected = computedLosses(rows.map { $0.map { widened($0, type) } }, labels: labels, kernel: kernel)
        #expect(
          bits(computedLosses(rows, type: type, labels: labels, kernel: kernel)) == bits(expected), "\(kernel.name)")
      }
    }
  }
}
