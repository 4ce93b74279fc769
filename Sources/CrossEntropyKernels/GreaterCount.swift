import CKernelShims

/// How many logits of a row are greater than a value; NaN is not.
///
/// - Complexity: reads each logit once; allocates nothing.
package func countGreater(
  _ value: Double, inRow row: UnsafeRawPointer, format: LogitFormat, classCount: Int
) -> Int {
  switch format {
  case XENT_FORMAT_F32: countGreater(value, F32Element.self, row, classCount)
  case XENT_FORMAT_F16: countGreater(value, F16Element.self, row, classCount)
  case XENT_FORMAT_F64: countGreater(value, F64Element.self, row, classCount)
  default: countGreater(value, BF16Element.self, row, classCount)
  }
}

@inline(__always)
private func countGreater<Element: LogitElement>(
  _ value: Double, _ type: Element.Type, _ row: UnsafeRawPointer, _ classCount: Int
) -> Int {
  let bound = Element.Numbers.repeating(value)
  let wholeVectorCount = classCount / Geometry.laneCount
  var count = 0
  for index in 0..<wholeVectorCount {
    let x = Element.load(row + index &* Element.vectorByteCount)
    count &+= Element.Numbers.greaterLanes(x, bound).nonzeroBitCount
  }
  for index in wholeVectorCount &* Geometry.laneCount..<classCount where Element.element(index, of: row) > value {
    count &+= 1
  }
  return count
}
