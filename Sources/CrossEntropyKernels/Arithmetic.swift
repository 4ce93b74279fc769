/// What the exponentials of one block are taken against.
typealias BlockReference<Vector> = (centers: Vector, magics: Vector, floors: Vector, isCentered: Bool)

/// A sum in lanes, and what its additions rounded away where that is kept.
typealias BlockSums = (total: WideLanes, lost: WideLanes)

/// What blocks are computed in: vectors of floats or of doubles. Only functions, and state in tuples: the metadata of
/// structures would be weak symbols.
protocol Arithmetic {
  associatedtype Vector

  static func repeating(_ value: Double) -> Vector
  /// The larger of each pair of lanes, and `b` where `a` is NaN.
  static func larger(_ a: Vector, _ b: Vector) -> Vector
  static func largestLane(_ vector: Vector) -> Double
  /// One bit for each lane in which the two are equal, the lowest for lane 0.
  static func equalLanes(_ a: Vector, _ b: Vector) -> UInt16
  /// One bit for each lane in which `a > b`, the lowest for lane 0.
  static func greaterLanes(_ a: Vector, _ b: Vector) -> UInt16
  static func firstLane(_ vector: Vector) -> Double
  static func widened(_ vector: Vector) -> WideLanes
  static func divided(_ x: Vector, by divisor: Vector) -> Vector
  /// `cap * tanh(x / cap)`; infinities and NaN stay what they are.
  static func capped(_ x: Vector, at cap: Double) -> Vector

  /// - Parameter maximum: of the block; finite.
  static func reference(maximum: Double) -> BlockReference<Vector>
  /// The exponential of each lane, scaled as the reference says: exactly 0 for -infinity, NaN for NaN.
  static func exponentials(of x: Vector, _ reference: BlockReference<Vector>) -> ScaledExponentials<Vector>
  static func add(_ exponentials: ScaledExponentials<Vector>, to sum: inout BlockSums)
  /// The scale of a block's sum: it is one of `exp(x - center) / 2^power`.
  static func scaling(maximum: Double) -> (center: Double, power: Double)
}
