/// What blocks are computed in: vectors of floats or of doubles. Only functions, and state in tuples: the metadata of
/// structures would be weak symbols.
protocol Arithmetic {
  associatedtype Vector: BitwiseCopyable
  /// What the exponentials of one block are taken against.
  associatedtype Reference
  /// Sums of exponentials in lanes.
  associatedtype Sums

  static func repeating(_ value: Double) -> Vector
  /// The larger of each pair of lanes, and `b` where `a` is NaN.
  static func larger(_ a: Vector, _ b: Vector) -> Vector
  static func largestLane(_ vector: Vector) -> Double
  /// One bit for each lane in which the two are equal, the lowest for lane 0.
  static func equalLanes(_ a: Vector, _ b: Vector) -> UInt16
  static func select(_ a: Vector, isGreaterThan b: Vector, yes: IntegerLanes, no: IntegerLanes) -> IntegerLanes
  /// One bit for each lane in which `a > b`, the lowest for lane 0.
  static func greaterLanes(_ a: Vector, _ b: Vector) -> UInt16
  static func firstLane(_ vector: Vector) -> Double
  static func widened(_ vector: Vector) -> WideLanes
  /// Whether a sum of doubles has bits to spare for a block of these numbers.
  static var areNarrow: Bool { get }
  static func divided(_ x: Vector, by divisor: Vector) -> Vector
  /// `cap * tanh(x / cap)`; infinities and NaN stay what they are.
  static func capped(_ x: Vector, at cap: Double) -> Vector

  /// Whether blocks with this maximum, which is finite, can be summed.
  static func covers(maximum: Double) -> Bool
  static func reference(maximum: Double) -> Reference
  /// - Parameter room: `restsByteCount` bytes, aligned to 64, for the sums' own use.
  static func noSums(_ room: UnsafeMutableRawPointer) -> Sums
  /// How many vectors are added at a time.
  static var vectorsPerSum: Int { get }
  /// Adds the exponentials of `count` vectors, at most `vectorsPerSum`, scaled as the reference says: exactly 0 for
  /// -infinity, NaN for NaN.
  static func add(count: Int, _ reference: Reference, to sums: inout Sums, vector: (Int) -> Vector)
  /// The sum over all lanes.
  static func total(_ sums: Sums) -> Double
  /// Sums below this may lack terms that were taken for 0.
  static var smallestCompleteSum: Double { get }
  static func scaling(maximum: Double) -> Scaling
}

/// The scale of a block's sum: it is one of `exp((x - center) (1 - excess)) / 2^power`.
typealias Scaling = (center: Double, power: Double, excess: Double)
