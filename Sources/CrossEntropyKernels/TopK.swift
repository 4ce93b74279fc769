import CKernelShims

/// Whether fewer than `limit` logits of a row are greater than a value; NaN is not.
///
/// - Complexity: reads each logit at most once, and few where many are greater; allocates nothing.
package func hasFewer(
  than limit: Int, greaterThan value: Double, inRow row: UnsafeRawPointer, format: LogitFormat, classCount: Int
) -> Bool {
  switch format {
  case XENT_FORMAT_F32: hasFewer(than: limit, greaterThan: value, F32Element.self, row, classCount)
  case XENT_FORMAT_F16: hasFewer(than: limit, greaterThan: value, F16Element.self, row, classCount)
  case XENT_FORMAT_F64: hasFewer(than: limit, greaterThan: value, F64Element.self, row, classCount)
  default: hasFewer(than: limit, greaterThan: value, BF16Element.self, row, classCount)
  }
}

@inline(__always)
private func hasFewer<Element: LogitElement>(
  than limit: Int, greaterThan value: Double, _ type: Element.Type, _ row: UnsafeRawPointer, _ classCount: Int
) -> Bool {
  let bound = Element.Numbers.repeating(value)
  let wholeVectorCount = classCount / Geometry.laneCount
  var count = 0
  var index = 0
  while index < wholeVectorCount {
    let end = min(index &+ vectorsPerLook, wholeVectorCount)
    while index < end {
      let x = Element.load(row + index &* Element.vectorByteCount)
      count &+= Element.Numbers.greaterLanes(x, bound).nonzeroBitCount
      index &+= 1
    }
    guard count < limit else { return false }
  }
  for index in wholeVectorCount &* Geometry.laneCount..<classCount where Element.element(index, of: row) > value {
    count &+= 1
  }
  return count < limit
}

/// How often the count is looked at: a label is seldom among the largest of the first of many logits.
private let vectorsPerLook = 16
