import CKernelShims

/// Looks through consecutive elements of a row of one-hot labels.
///
/// - Parameters:
///   - elements: the first of them; need not be aligned.
///   - count: how many.
///   - firstClass: the class of the first.
/// - Complexity: reads each element once, the last group of them perhaps twice. Allocates nothing.
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
  let groupCount = oneHotLaneCount(of: type)
  let wordMask = replicated(pattern.magnitudeMask, bitWidth: Bits.bitWidth)
  var result = OneHotScan(index: -1, oneCount: 0, otherCount: 0)
  var index = 0
  while index &+ groupCount <= count {
    let group = elements + index &* stride
    prefetch(group + prefetchByteCount)
    // Most groups are zeros.
    if unionOfWords(group, count: groupCount &* stride / 8) & wordMask != 0 {
      result.add(oneHotLanes(group, pattern, as: type), firstClass: firstClass &+ index)
    }
    index &+= groupCount
  }
  guard index < count else { return result }
  if count >= groupCount {
    // The last group again, without those of its lanes that were seen.
    let first = count &- groupCount
    let last = oneHotLanes(elements + first &* stride, pattern, as: type)
    let unseen = UInt64.max &<< UInt64(index &- first)
    result.add(
      OneHotLanes(ones: last.ones & unseen, others: last.others & unseen), firstClass: firstClass &+ first)
  } else {
    result.add(oneHotLanes(elements, count: count, pattern, as: type), firstClass: firstClass)
  }
  return result
}

extension OneHotScan {
  @inline(__always)
  fileprivate mutating func add(_ lanes: OneHotLanes, firstClass: Int) {
    guard lanes.ones | lanes.others != 0 else { return }
    if index < 0, lanes.ones != 0 { index = Int64(firstClass &+ lanes.ones.trailingZeroBitCount) }
    oneCount &+= Int64(lanes.ones.nonzeroBitCount)
    otherCount &+= Int64((lanes.others & ~lanes.ones).nonzeroBitCount)
  }
}

/// How many elements are looked at together: 64 bytes of them, or 128 of the widest.
@inline(__always)
func oneHotLaneCount<Bits>(of type: Bits.Type) -> Int { max(64 / MemoryLayout<Bits>.size, 16) }

/// `oneHotLaneCount` elements.
@inline(__always)
func oneHotLanes<Bits>(_ elements: UnsafeRawPointer, _ pattern: OneHotPattern, as type: Bits.Type) -> OneHotLanes {
  switch MemoryLayout<Bits>.size {
  case 1: oneHotLanes8(elements, pattern)
  case 2: oneHotLanes16(elements, pattern)
  case 4: oneHotLanes32(elements, pattern)
  default: oneHotLanes64(elements, pattern)
  }
}

/// Fewer elements, of which none behind is read.
///
/// Not inlined: the loops around it would have too few registers.
@inline(never)
func oneHotLanes<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, count: Int, _ pattern: OneHotPattern, as type: Bits.Type
) -> OneHotLanes {
  var lanes = OneHotLanes(ones: 0, others: 0)
  for lane in 0..<count {
    let bits = elements.loadUnaligned(fromByteOffset: lane &* MemoryLayout<Bits>.size, as: Bits.self)
    if bits == Bits(truncatingIfNeeded: pattern.one) { lanes.ones |= 1 &<< UInt64(lane) }
    if bits & Bits(truncatingIfNeeded: pattern.magnitudeMask) != 0 { lanes.others |= 1 &<< UInt64(lane) }
  }
  return lanes
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
