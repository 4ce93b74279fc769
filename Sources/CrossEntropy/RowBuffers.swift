import CKernelShims

/// A worker's memory for what a run of rows comes to, before their answers are written.
struct RowBuffers {
  let capacity: Int
  let summaries: RowSummaries
  let classSums: RowClassSums
  /// Each row's label; `ignoredClass` of ignored rows, -1 where it is bad.
  let classes: UnsafeMutablePointer<Int32>
  /// One bit a row, sixteen an element: whether it is finished.
  let ordinary: UnsafeMutablePointer<UInt16>

  /// - Parameter capacity: rows; a multiple of sixteen, because kernels fill whole vectors.
  init(capacity: Int) {
    precondition(capacity % 16 == 0, "whole vectors of rows")
    self.capacity = capacity
    summaries = RowSummaries(
      maxima: allocate(capacity), logSums: allocate(capacity), argmaxes: allocate(capacity),
      labelLogits: allocate(capacity))
    classSums = RowClassSums(gaps: allocate(capacity), shares: allocate(capacity))
    classes = allocate(capacity)
    ordinary = allocate(capacity / 16)
  }

  static func byteCount(capacity: Int) -> Int {
    capacity * (5 * MemoryLayout<Double>.size + 2 * MemoryLayout<Int32>.size)
      + capacity / 16 * MemoryLayout<UInt16>.size
  }

  func deallocate() {
    summaries.maxima.deallocate()
    summaries.logSums.deallocate()
    summaries.argmaxes.deallocate()
    summaries.labelLogits.deallocate()
    classSums.gaps.deallocate()
    classSums.shares.deallocate()
    classes.deallocate()
    ordinary.deallocate()
  }

  func isOrdinary(_ place: Int) -> Bool { ordinary[place / 16] & (1 << UInt16(place % 16)) != 0 }
}

extension RowSummaries {
  subscript(index: Int) -> RowSummary {
    RowSummary(maximum: maxima[index], logSum: logSums[index], argmax: Int64(argmaxes[index]))
  }
}

/// Memory for `count` elements that whole vectors can be loaded from, all zero.
private func allocate<Element: FixedWidthInteger>(_ count: Int) -> UnsafeMutablePointer<Element> {
  allocate(count, zero: 0)
}

private func allocate(_ count: Int) -> UnsafeMutablePointer<Double> { allocate(count, zero: 0) }

private func allocate<Element>(_ count: Int, zero: Element) -> UnsafeMutablePointer<Element> {
  UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Element>.stride, alignment: vectorAlignment)
    .initializeMemory(as: Element.self, repeating: zero, count: count)
}

/// That of sixteen doubles.
let vectorAlignment = 128
