import CKernelShims

// Sixteen lanes on every CPU: the order of additions decides the last bit, and a row must cost the same bits whatever
// the width of the machine's registers.
typealias Lanes = SIMD16<Float>
typealias WideLanes = SIMD16<Double>
typealias IntegerLanes = SIMD16<Int32>
typealias EightDoubles = SIMD8<Double>

/// How the elements of a row are cut up, and so in which order they are added. Part of the result: it depends on nothing
/// but the number of classes.
enum Geometry {
  /// Elements in one vector.
  @inline(__always) static var laneCount: Int { 16 }
  /// Bytes of one vector of floats.
  @inline(__always) static var vectorByteCount: Int { 64 }
  /// Elements in one block, which has a maximum and a sum of its own: 8 KiB of f32 at most, well inside the first cache.
  @inline(__always) static var blockLength: Int { 2048 }
  /// Rows of at most this many classes stand in lanes, sixteen side by side. The columns of sixteen rows of f32, and the
  /// rows themselves, still fit the first cache.
  @inline(__always) static var largestNarrowClassCount: Int { 192 }
}

extension Lanes {
  @inline(__always) static func + (a: Lanes, b: Lanes) -> Lanes { xentAdd(a, b) }
  @inline(__always) static func - (a: Lanes, b: Lanes) -> Lanes { xentSubtract(a, b) }
  @inline(__always) static func * (a: Lanes, b: Lanes) -> Lanes { xentMultiply(a, b) }
  @inline(__always) static func / (a: Lanes, b: Lanes) -> Lanes { xentDivide(a, b) }
}

extension WideLanes {
  @inline(__always) static func + (a: WideLanes, b: WideLanes) -> WideLanes { xentAdd(a, b) }
  @inline(__always) static func - (a: WideLanes, b: WideLanes) -> WideLanes { xentSubtract(a, b) }
  @inline(__always) static func * (a: WideLanes, b: WideLanes) -> WideLanes { xentMultiply(a, b) }
  @inline(__always) static func / (a: WideLanes, b: WideLanes) -> WideLanes { xentDivide(a, b) }
}

extension EightDoubles {
  @inline(__always) static func + (a: EightDoubles, b: EightDoubles) -> EightDoubles { xentAdd(a, b) }
}

/// The sum of sixteen lanes, in an order that does not depend on the machine.
@inline(__always)
func sum(_ lanes: WideLanes) -> Double { sum(lanes.lowHalf + lanes.highHalf) }

/// The sum of eight lanes, in an order that does not depend on the machine.
@inline(__always)
func sum(_ eight: EightDoubles) -> Double {
  let four = eight.lowHalf + eight.highHalf
  let two = four.lowHalf + four.highHalf
  return two[0] + two[1]
}
