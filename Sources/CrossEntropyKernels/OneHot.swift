import CKernelShims

/// Looks through consecutive elements of a row of one-hot labels.
///
/// - Parameters:
///   - elements: the first of them; need not be aligned.
///   - count: how many.
///   - firstClass: the class of the first.
/// - Complexity: reads each element once, eight words at a time where all are 0; allocates nothing.
package func scanOneHot(
  _ elements: UnsafeRawPointer, count: Int, firstClass: Int, pattern: OneHotPattern
) -> OneHotScan {
  switch pattern.elementByteCount {
  case 1: scan(elements, count: count, firstClass: firstClass, pattern: pattern, as: UInt8.self)
  case 2: scan(elements, count: count, firstClass: firstClass, pattern: pattern, as: UInt16.self)
  case 4: scan(elements, count: count, firstClass: firstClass, pattern: pattern, as: UInt32.self)
  default: scan(elements, count: count, firstClass: firstClass, pattern: pattern, as: UInt64.self)
  }
}

/// What two scans of consecutive parts of a row saw together.
package func merged(_ first: OneHotScan, _ second: OneHotScan) -> OneHotScan {
  OneHotScan(
    index: first.index >= 0 ? first.index : second.index, oneCount: first.oneCount &+ second.oneCount,
    otherCount: first.otherCount &+ second.otherCount)
}

@inline(__always)
private func scan<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, count: Int, firstClass: Int, pattern: OneHotPattern, as type: Bits.Type
) -> OneHotScan {
  let one = Bits(truncatingIfNeeded: pattern.one)
  let mask = Bits(truncatingIfNeeded: pattern.magnitudeMask)
  let wordMask = replicated(pattern.magnitudeMask, bitWidth: Bits.bitWidth)
  let stride = MemoryLayout<Bits>.size
  let elementsPerChunk = chunkByteCount / stride
  var result = OneHotScan(index: -1, oneCount: 0, otherCount: 0)
  var index = 0
  while index < count {
    let isWholeChunk = index &+ elementsPerChunk <= count
    let chunk = elements + index &* stride
    let end = isWholeChunk ? index &+ elementsPerChunk : count
    if isWholeChunk, unionOfWords(chunk) & wordMask == 0 {
      index = end
      continue
    }
    while index < end {
      let bits = elements.loadUnaligned(fromByteOffset: index &* stride, as: Bits.self)
      if bits == one {
        if result.oneCount == 0 { result.index = Int64(firstClass &+ index) }
        result.oneCount &+= 1
      } else if bits & mask != 0 {
        result.otherCount &+= 1
      }
      index &+= 1
    }
  }
  return result
}

private let chunkByteCount = 64

/// All bits that are set anywhere in the 64 bytes at `pointer`.
@inline(__always)
private func unionOfWords(_ pointer: UnsafeRawPointer) -> UInt64 {
  var union: UInt64 = 0
  for word in 0..<8 { union |= pointer.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self) }
  return union
}

/// `bits`, which has `bitWidth` bits, side by side through a whole word.
@inline(__always)
private func replicated(_ bits: UInt64, bitWidth: Int) -> UInt64 {
  var word = bits
  var width = bitWidth
  while width < 64 {
    word |= word &<< UInt64(width)
    width &*= 2
  }
  return word
}
