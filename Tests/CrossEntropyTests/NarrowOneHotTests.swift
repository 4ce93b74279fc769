import TestSupport
import Testing

@testable import CrossEntropy

@Suite("One-hot labels of few classes")
struct NarrowOneHotTests {
  @Test("each row's class is found, and rows beside it that are not one-hot are told, in every type", arguments: 1...64)
  func classes(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let rowsInWord = 64 / classCount
    for type in [OneHotLabelType.u8, .f16, .bf16, .f32, .f64] {
      for rowCount in [1, 2, rowsInWord, rowsInWord + 1, 3 * rowsInWord + 2, 7 * rowsInWord] {
        let elements = matrix(rowCount: rowCount, classCount: classCount, of: type, using: &random)
        let expected = (0..<rowCount).map { row in
          classIndex(elements[row * classCount..<(row + 1) * classCount], of: type)
        }
        for kernel in kernels {
          #expect(found(elements, rowCount, classCount, of: type, by: kernel) == expected)
        }
      }
    }
  }

  /// Rows of which an eighth are broken, some so that as many elements are 1 as there are rows.
  private func matrix(
    rowCount: Int, classCount: Int, of type: OneHotLabelType, using random: inout SplitMix64
  ) -> [UInt64] {
    let pattern = type.pattern
    let allBits = UInt64.max >> UInt64(64 - 8 * pattern.elementByteCount)
    let zeros = [0, allBits & ~pattern.magnitudeMask]
    var elements = (0..<rowCount * classCount).map { _ in zeros.randomElement(using: &random)! }
    for row in 0..<rowCount { elements[row * classCount + .random(in: 0..<classCount, using: &random)] = pattern.one }
    for _ in 0..<rowCount / 8 + Int.random(in: 0...1, using: &random) {
      let place = Int.random(in: 0..<elements.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: elements[place] = pattern.one
      case 1: elements[place] = UInt64.random(in: 0...allBits, using: &random)
      case 2: elements[place] = 0
      default: elements.swapAt(place, .random(in: 0..<elements.count, using: &random))
      }
    }
    return elements
  }

  private func classIndex(_ row: ArraySlice<UInt64>, of type: OneHotLabelType) -> Int32 {
    let pattern = type.pattern
    let nonzeros = row.indices.filter { row[$0] & pattern.magnitudeMask != 0 }
    guard nonzeros.count == 1, row[nonzeros[0]] == pattern.one else { return -1 }
    return Int32(nonzeros[0] - row.startIndex)
  }

  private func found(
    _ elements: [UInt64], _ rowCount: Int, _ classCount: Int, of type: OneHotLabelType, by kernel: Kernel
  ) -> [Int32] {
    let width = type.elementByteCount
    let bytes = elements.flatMap { element in
      (0..<width).map { UInt8(truncatingIfNeeded: element >> UInt64(8 * $0)) }
    }
    return [Int32](unsafeUninitializedCapacity: rowCount) { classes, count in
      bytes.withUnsafeBytes {
        kernel.findOneHotClasses($0.baseAddress!, rowCount, classCount, type.pattern, classes.baseAddress!)
      }
      count = rowCount
    }
  }
}
