// A sum, and exactly what it loses in rounding.
// Source: Knuth, The Art of Computer Programming, volume 2, 4.2.2.

@inline(__always)
func twoSum(_ a: Double, _ b: Double) -> (sum: Double, lost: Double) {
  let sum = a + b
  let part = sum - a
  return (sum, (a - (sum - part)) + (b - part))
}

@inline(__always)
func twoSum(_ a: WideLanes, _ b: WideLanes) -> (sum: WideLanes, lost: WideLanes) {
  let sum = a + b
  let part = sum - a
  return (sum, (a - (sum - part)) + (b - part))
}

/// The same of shorter vectors: those of sixteen lanes have operators of their own.
@inline(__always)
func twoSum<Vector: SIMD>(_ a: Vector, _ b: Vector) -> (sum: Vector, lost: Vector)
where Vector.Scalar: FloatingPoint {
  let sum = a + b
  let part = sum - a
  return (sum, (a - (sum - part)) + (b - part))
}

/// The same in three operations where `a` is not smaller than `b`; else what the sum loses may not be found.
@inline(__always)
func fastTwoSum(_ a: WideLanes, _ b: WideLanes) -> (sum: WideLanes, lost: WideLanes) {
  let sum = a + b
  return (sum, b - (sum - a))
}
