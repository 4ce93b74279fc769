import CKernelShims

/// Finds the class of each row of one-hot labels of few classes, sixteen elements at a time.
///
/// - Parameters:
///   - elements: `rowCount * classCount` of them, row-major; need not be aligned. Never read past the last.
///   - classCount: at most 64.
///   - classes: room for one class a row: -1 where the row is not one-hot.
package func findOneHotClasses(
  _ elements: UnsafeRawPointer, rowCount: Int, classCount: Int, pattern: OneHotPattern,
  into classes: UnsafeMutablePointer<Int32>
) {
  switch pattern.elementByteCount {
  case 1: find(elements, rowCount, classCount, pattern, UInt8.self, into: classes) { oneHotLanes8($0, pattern) }
  case 2: find(elements, rowCount, classCount, pattern, UInt16.self, into: classes) { oneHotLanes16($0, pattern) }
  case 4: find(elements, rowCount, classCount, pattern, UInt32.self, into: classes) { oneHotLanes32($0, pattern) }
  default: find(elements, rowCount, classCount, pattern, UInt64.self, into: classes) { oneHotLanes64($0, pattern) }
  }
}

@inline(__always)
private func find<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, _ rowCount: Int, _ classCount: Int, _ pattern: OneHotPattern, _ type: Bits.Type,
  into classes: UnsafeMutablePointer<Int32>, lanes: (UnsafeRawPointer) -> UInt32
) {
  let stride = MemoryLayout<Bits>.size
  let rowByteCount = classCount &* stride
  let end = elements + rowCount &* rowByteCount
  let mask = UInt64.max &>> UInt64(64 &- classCount)
  var row = 0
  // As many whole rows at once as sixteen elements hold.
  let rowsAtOnce = Geometry.laneCount / classCount
  while rowsAtOnce > 0, end - (elements + row &* rowByteCount) >= Geometry.laneCount &* stride {
    let first = elements + row &* rowByteCount
    prefetch(first + prefetchByteCount)
    let found = UInt64(lanes(first))
    var ones = found & 0xffff
    var others = found &>> 16
    for index in row..<row &+ rowsAtOnce {
      classes[index] = classIndex(ones: ones & mask, others: others & mask)
      ones &>>= UInt64(classCount)
      others &>>= UInt64(classCount)
    }
    row &+= rowsAtOnce
  }
  while row < rowCount {
    let first = elements + row &* rowByteCount
    var ones: UInt64 = 0
    var others: UInt64 = 0
    var index = 0
    while index < classCount {
      let chunk = first + index &* stride
      prefetch(chunk + prefetchByteCount)
      if end - chunk >= Geometry.laneCount &* stride {
        let found = lanes(chunk)
        ones |= UInt64(found & 0xffff) &<< UInt64(index)
        others |= UInt64(found &>> 16) &<< UInt64(index)
      } else {
        for lane in 0..<min(Geometry.laneCount, classCount &- index) {
          let bits = chunk.loadUnaligned(fromByteOffset: lane &* stride, as: Bits.self)
          let place: UInt64 = 1 &<< UInt64(index &+ lane)
          if UInt64(bits) == pattern.one { ones |= place }
          if UInt64(bits) & pattern.magnitudeMask != 0 { others |= place }
        }
      }
      index &+= Geometry.laneCount
    }
    // A chunk may reach into the next row.
    classes[row] = classIndex(ones: ones & mask, others: others & mask)
    row &+= 1
  }
}

/// The class of a row, or -1 where it is not one-hot.
///
/// - Parameters:
///   - ones: one bit an element, whether it is 1.
///   - others: whether it is not 0.
@inline(__always)
private func classIndex(ones: UInt64, others: UInt64) -> Int32 {
  let isOneHot = ones == others && ones != 0 && ones & (ones &- 1) == 0
  return isOneHot ? Int32(truncatingIfNeeded: ones.trailingZeroBitCount) : -1
}
