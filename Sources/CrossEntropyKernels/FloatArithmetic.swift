import CKernelShims

/// Exponentials of floats, summed in f64.
enum FloatArithmetic: Arithmetic {
  @inline(__always) static func repeating(_ value: Double) -> Lanes { Lanes(repeating: Float(value)) }
  @inline(__always) static func larger(_ a: Lanes, _ b: Lanes) -> Lanes { CKernelShims.larger(a, b) }
  @inline(__always) static func largestLane(_ vector: Lanes) -> Double { Double(CKernelShims.largestLane(vector)) }
  @inline(__always) static func equalLanes(_ a: Lanes, _ b: Lanes) -> UInt16 { CKernelShims.equalLanes(a, b) }
  @inline(__always) static func greaterLanes(_ a: Lanes, _ b: Lanes) -> UInt16 { CKernelShims.greaterLanes(a, b) }
  @inline(__always) static func firstLane(_ vector: Lanes) -> Double { Double(vector[0]) }
  @inline(__always) static func widened(_ vector: Lanes) -> WideLanes { CKernelShims.widened(vector) }
  @inline(__always) static func divided(_ x: Lanes, by divisor: Lanes) -> Lanes { x / divisor }
  @inline(__always) static func capped(_ x: Lanes, at cap: Double) -> Lanes {
    softcapped(x, at: cap)
  }

  @inline(__always)
  static func reference(maximum: Double) -> BlockReference<Lanes> {
    let references = LaneReferences(maxima: repeating(maximum))
    return (
      references.centers, references.magics, references.floors,
      maximum.magnitude > Double(LaneReferences.largestUncentered)
    )
  }

  @inline(__always)
  static func exponentials(of x: Lanes, _ reference: BlockReference<Lanes>) -> ScaledExponentials<Lanes> {
    scaledExponentials(
      of: reference.isCentered ? x - reference.centers : x, magic: reference.magics, floor: reference.floors)
  }

  @inline(__always)
  static func add(_ exponentials: ScaledExponentials<Lanes>, to sum: inout BlockSums) {
    addScaled(exponentials, to: &sum.total)
  }

  @inline(__always)
  static func scaling(maximum: Double) -> (center: Double, power: Double) {
    LaneReferences(maxima: repeating(maximum)).scaling
  }
}
