import CKernelShims

/// Rows of one-hot labels of at most this many classes are looked at as words of 64 bits, one for each element.
package let largestOneHotWordClassCount = 64

/// Finds the class of each row of one-hot labels of few classes, as many whole rows at a time as 64 elements hold.
///
/// - Parameters:
///   - elements: `rowCount * classCount` of them, row-major; need not be aligned. Never read past the last.
///   - classCount: at most `largestOneHotWordClassCount`.
///   - classes: room for one class a row: -1 where the row is not one-hot.
package func findOneHotClasses(
  _ elements: UnsafeRawPointer, rowCount: Int, classCount: Int, pattern: OneHotPattern,
  into classes: UnsafeMutablePointer<Int32>
) {
  switch pattern.elementByteCount {
  case 1: find(elements, rowCount, classCount, pattern, UInt8.self, into: classes)
  case 2: find(elements, rowCount, classCount, pattern, UInt16.self, into: classes)
  case 4: find(elements, rowCount, classCount, pattern, UInt32.self, into: classes)
  default: find(elements, rowCount, classCount, pattern, UInt64.self, into: classes)
  }
}

@inline(__always)
private func find<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, _ rowCount: Int, _ classCount: Int, _ pattern: OneHotPattern, _ type: Bits.Type,
  into classes: UnsafeMutablePointer<Int32>
) {
  let rowsAtOnce = 64 / classCount
  let rowEnds = ends(ofRows: rowsAtOnce, classCount: classCount)
  var row = 0
  while row < rowCount {
    let count = min(rowsAtOnce, rowCount &- row)
    let first = row &* classCount
    let found = word(
      elements + first &* MemoryLayout<Bits>.size, count: count &* classCount,
      readableCount: rowCount &* classCount &- first, pattern, type)
    if areOneHot(found, rowCount: count, rowEnds: rowEnds & lowBits(count &* classCount)) {
      var ones = found.ones
      for index in 0..<count {
        // The lowest 1 that is left is this row's.
        classes[row &+ index] = Int32(truncatingIfNeeded: ones.trailingZeroBitCount &- index &* classCount)
        ones &= ones &- 1
      }
    } else {
      for index in 0..<count {
        classes[row &+ index] = classIndex(found, from: index &* classCount, count: classCount)
      }
    }
    row &+= count
  }
}

/// `count` elements, at most 64.
///
/// - Parameter readableCount: how many there are from the first on: what follows them must not be read.
@inline(__always)
private func word<Bits: FixedWidthInteger & UnsignedInteger>(
  _ elements: UnsafeRawPointer, count: Int, readableCount: Int, _ pattern: OneHotPattern, _ type: Bits.Type
) -> OneHotLanes {
  guard readableCount >= 64 else { return oneHotLanes(elements, count: count, pattern, as: type) }
  var word = OneHotLanes(ones: 0, others: 0)
  var index = 0
  while index < count {
    let group = elements + index &* MemoryLayout<Bits>.size
    prefetch(group + prefetchByteCount)
    prefetchFar(group + farPrefetchByteCount)
    let lanes = oneHotLanes(group, pattern, as: type)
    word.ones |= lanes.ones &<< UInt64(index)
    word.others |= lanes.others &<< UInt64(index)
    index &+= oneHotLaneCount(of: type)
  }
  // The last group may reach into the next row.
  return OneHotLanes(ones: word.ones & lowBits(count), others: word.others & lowBits(count))
}

@inline(__always)
private func lowBits(_ count: Int) -> UInt64 { .max &>> UInt64(64 &- count) }

/// The bits of each row's last element.
@inline(__always)
private func ends(ofRows rowCount: Int, classCount: Int) -> UInt64 {
  var ends: UInt64 = 0
  for row in 1...rowCount { ends |= 1 &<< UInt64(row &* classCount &- 1) }
  return ends
}

/// Whether in each row one element is 1 and all others are 0.
@inline(__always)
private func areOneHot(_ word: OneHotLanes, rowCount: Int, rowEnds: UInt64) -> Bool {
  // A carry into a row's last bit: one of those before it is set.
  let before = lowBits(64 &- rowEnds.leadingZeroBitCount) & ~rowEnds
  let inhabited = (((word.ones & before) &+ before) | word.ones) & rowEnds
  return word.ones == word.others && inhabited == rowEnds && word.ones.nonzeroBitCount == rowCount
}

/// The class of the row whose elements start at bit `first`, or -1 where it is not one-hot.
@inline(__always)
private func classIndex(_ word: OneHotLanes, from first: Int, count: Int) -> Int32 {
  let ones = word.ones &>> UInt64(first) & lowBits(count)
  let others = word.others &>> UInt64(first) & lowBits(count)
  let isOneHot = ones == others && ones.nonzeroBitCount == 1
  return isOneHot ? Int32(truncatingIfNeeded: ones.trailingZeroBitCount) : -1
}
