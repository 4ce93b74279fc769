import CKernelShims

/// Looks through consecutive elements of a row of one-hot labels.
///
/// - Parameters:
///   - elements: the first of them; need not be aligned.
///   - count: how many.
///   - firstClass: the class of the first.
/// - Complexity: reads each element once, a chunk at a time where all are 0, else sixteen; the last sixteen perhaps twice. Allocates
///   nothing.
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
  let stride = MemoryLayout<Bits>.size
  let wordMask = replicated(pattern.magnitudeMask, bitWidth: Bits.bitWidth)
  let elementsPerChunk = max(64 / stride, groupCount)
  var result = OneHotScan(index: -1, oneCount: 0, otherCount: 0)
  var index = 0
  while index &+ elementsPerChunk <= count {
    let chunk = elements + index &* stride
    prefetch(chunk + prefetchByteCount)
    if unionOfWords(chunk, count: elementsPerChunk &* stride / 8) & wordMask != 0 {
      for first in Swift.stride(from: 0, to: elementsPerChunk, by: groupCount) {
        result.add(group(chunk + first &* stride, pattern, as: type), firstClass: firstClass &+ index &+ first)
      }
    }
    index &+= elementsPerChunk
  }
  while index &+ groupCount <= count {
    result.add(group(elements + index &* stride, pattern, as: type), firstClass: firstClass &+ index)
    index &+= groupCount
  }
  guard index < count else { return result }
  if count >= groupCount {
    // The last group again, without those of its lanes that were seen.
    let first = count &- groupCount
    var last = group(elements + first &* stride, pattern, as: type)
    last.clear(below: index &- first)
    result.add(last, firstClass: firstClass &+ first)
  } else {
    result.add(few(elements, count: count, pattern, as: type), firstClass: firstClass)
  }
  return result
}

/// What stands in up to sixteen consecutive elements, one bit for each.
private struct OneHotGroup {
  /// Which are 1.
  var ones: UInt16
  /// Which are not 0 of either sign.
  var others: UInt16

  @inline(__always)
  mutating func clear(below lane: Int) {
    ones &= ~0 &<< UInt16(lane)
    others &= ~0 &<< UInt16(lane)
  }
}

private let groupCount = 16

extension OneHotScan {
  @inline(__always)
  fileprivate mutating func add(_ group: OneHotGroup, firstClass: Int) {
    guard group.ones | group.others != 0 else { return }
    if index < 0, group.ones != 0 { index = Int64(firstClass &+ group.ones.trailingZeroBitCount) }
    oneCount &+= Int64(group.ones.nonzeroBitCount)
    otherCount &+= Int64((group.others & ~group.ones).nonzeroBitCount)
  }
}

/// Sixteen elements.
@inline(__always)
private func group<Bits: FixedWidthInteger>(
  _ elements: UnsafeRawPointer, _ pattern: OneHotPattern, as type: Bits.Type
) -> OneHotGroup {
  let lanes =
    switch MemoryLayout<Bits>.size {
    case 1: oneHotLanes8(elements, pattern)
    case 2: oneHotLanes16(elements, pattern)
    case 4: oneHotLanes32(elements, pattern)
    default: oneHotLanes64(elements, pattern)
    }
  return OneHotGroup(ones: UInt16(truncatingIfNeeded: lanes), others: UInt16(truncatingIfNeeded: lanes &>> 16))
}

/// Fewer than sixteen elements.
@inline(__always)
private func few<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, count: Int, _ pattern: OneHotPattern, as type: Bits.Type
) -> OneHotGroup {
  var group = OneHotGroup(ones: 0, others: 0)
  for lane in 0..<count {
    let bits = elements.loadUnaligned(fromByteOffset: lane &* MemoryLayout<Bits>.size, as: Bits.self)
    if bits == Bits(truncatingIfNeeded: pattern.one) { group.ones |= 1 &<< UInt16(lane) }
    if bits & Bits(truncatingIfNeeded: pattern.magnitudeMask) != 0 { group.others |= 1 &<< UInt16(lane) }
  }
  return group
}

/// All bits that are set anywhere in the words at `pointer`.
@inline(__always)
private func unionOfWords(_ pointer: UnsafeRawPointer, count: Int) -> UInt64 {
  var union: UInt64 = 0
  for word in 0..<count { union |= pointer.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self) }
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
