import CKernelShims

// exp(x) = node * (1 + rest): `node` is a number of few bits next to it, and `rest`, which is small, the only thing that is
// rounded. Nothing is rounded before the reduction, as it is where `x - maximum` is formed first.
//
// With fused multiply-adds, nodes are 2^k (1 + j/8), j = 0...7, times a constant that puts what is left of x in the middle: then
// n = 8k + j is one rounding of x, whose low bits are the node's first bits as a floating-point number, and a table of eight
// says how far ln(node) is from n ln 2 / 8. Without, nodes are 2^k.

/// The references of sixteen sums of exponentials, one a lane: powers of two, so that scaling is exact.
///
/// A sum is one of `exp(x) / 2^N`, where `2^N` is the power of two next to the largest exponential.
struct LaneReferences {
  /// `N`, integers.
  private let powers: Lanes

  /// Half an integer's worth of mantissa: adding it rounds to an integer, which then stands in the low bits.
  private static var rounder: Float { 0x1.8p23 }
  /// The exponent field that `2^N` gets: so the smallest that count are `2^-239` of it, and sums still fit a float.
  private static var topField: Float { 240 }

  /// The largest magnitude of a maximum for which the reduction is exact, down to the smallest term that counts.
  #if KERNEL_FMA
    static var largestMaximum: Float { 0x1p14 }
  #else
    /// The product of n, which must then be less than 4096, and `stepHigh` is not fused with the subtraction.
    static var largestMaximum: Float { 2048 }
  #endif

  /// The references for sums whose largest elements are `maxima`; any that is not finite, or larger than `largestMaximum`,
  /// makes its own lane useless.
  @inline(__always)
  init(maxima: Lanes) {
    let rounder = Lanes(repeating: Self.rounder)
    powers = (maxima * Lanes(repeating: log2e) + rounder) - rounder
  }

  /// What rounds an element to its `n` and leaves the node's bits in the low bits.
  @inline(__always)
  var magics: Lanes {
    Lanes(repeating: Self.rounder) + Lanes(repeating: nodesPerPower) * (Lanes(repeating: Self.topField) - powers)
  }

  /// The elements at and below which the node is 0.
  @inline(__always)
  var floors: Lanes { (powers - Lanes(repeating: Self.topField)) * Lanes(repeating: ln2) }

  /// `exp(x) / 2^N`.
  @inline(__always)
  func exponentials(of logits: Lanes) -> WideLanes {
    var result = WideLanes(repeating: 0)
    forEachExponential(count: 1, of: { _ in logits }, by: .exact, magic: magics, floor: floors) {
      let nodes = floatNodes($0.nodes)
      result = (widened(nodes) + widened(nodes * $0.rest)) * WideLanes(repeating: Self.restScale)
    }
    return result
  }

  /// `N` of the first lane.
  @inline(__always)
  var power: Double { Double(powers[0]) }

  /// The scaled sums of exponentials by the short reduction, corrected.
  @inline(__always)
  func correctedSums(_ scaledSums: WideLanes) -> WideLanes {
    corrected(scaledSums, powers: widened(powers), excess: WideLanes(repeating: Self.excess))
  }

  /// What a sum of nodes as doubles must be multiplied by to be one of `exp(x) / 2^N`.
  static var nodeScale: Double { 0x1p783 * nodeFactor }  // 2^(1023 - topField)
  /// The same of a sum of floats.
  static var restScale: Double { 0x1p-113 * nodeFactor }  // 2^(127 - topField)
  /// By what part of itself the short reduction takes each exponent too small: the sum is one of `exp(x (1 - excess)) / 2^N`.
  static var excess: Double { stepExcess }
  /// Scaled sums below this may lack terms that were taken for 0.
  static var smallestComplete: Double { 0x1p-190 }
}

private let log2e: Float = 0x1.715476p0
private let ln2: Float = 0x1.62e43p-1
#if KERNEL_FMA
  private let nodesPerPower: Float = 8
  // ln 2 / 8 as a sum of two floats: 45 bits.
  private let stepHigh: Float = 0x1.62e43p-4
  private let stepLow: Float = -0x1.05c61p-32
  private let stepsPerUnit: Float = 0x1.715476p3
  /// `stepHigh` is this much larger than ln 2 / 8, relative to it.
  private let stepExcess = 0x1.79a8dcp-29
  /// What all nodes are multiplied by, once their bits are summed.
  private let nodeFactor = 0x1.f124c147d717fp-1
  /// ln(node) - n ln 2 / 8.
  @inline(__always)
  private var nodeOffsets: Lanes {
    Lanes(lowHalf: eightNodeOffsets, highHalf: eightNodeOffsets)
  }
  @inline(__always)
  private var eightNodeOffsets: SIMD8<Float> {
    SIMD8(
      -0x1.e27076p-6, 0x1.bc0a4ep-10, 0x1.4e69eep-6, 0x1.dc690cp-6, 0x1.e27076p-6, 0x1.764b2ap-6, 0x1.51d390p-7,
      -0x1.e11792p-8)
  }
  // q with exp(t) = 1 + t + t^2 q(t) for |t| <= 0.0733, off by at most 0.039 * 2^-24:
  // Documentation/kernels/exponential_polynomial.py finds them.
  private let q0: Float = 0x1.000004p-1
  private let q1: Float = 0x1.5569c6p-3
  private let q2: Float = 0x1.552526p-5
#else
  private let nodesPerPower: Float = 1
  // The high part has 12 bits, so that its product with an integer of 12 bits is exact.
  private let stepHigh: Float = 0x1.62ep-1
  private let stepLow: Float = 0x1.0bfbe8p-15
  private let stepsPerUnit: Float = 0x1.715476p0
  private let stepExcess = 0.0
  private let nodeFactor = 1.0
  // q with exp(t) = 1 + t + t^2 q(t) for |t| <= ln 2 / 2 + 2^-10, off by at most 0.055 * 2^-24.
  private let q0: Float = 0x1.fffffcp-2
  private let q1: Float = 0x1.55548ap-3
  private let q2: Float = 0x1.55585p-5
  private let q3: Float = 0x1.123ec2p-7
  private let q4: Float = 0x1.6ac324p-10
#endif

/// Exponentials that are not put together yet: the low bits of `nodes` hold the node.
typealias ScaledExponentials = (nodes: Lanes, rest: Lanes)

/// How a vector of logits is reduced to what is left of each beside its node.
enum Reduction {
  /// To the last bit.
  case exact
  /// By `n` times a float next to ln 2 / 8, which saves an instruction. The sum is to be `corrected`.
  case short
}

/// Hands over the exponentials `exp(x) / 2^N` of some vectors, one after the other: exactly 0 for -infinity, NaN for NaN.
/// - Parameter count: at most 8.
@inline(__always)
func forEachExponential(
  count: Int, of vector: (Int) -> Lanes, by reduction: Reduction, magic: Lanes, floor: Lanes,
  _ body: (ScaledExponentials) -> Void
) {
  guard hasRegistersForFour() else {
    return forEachExponentialInTurn(count: count, of: vector, by: reduction, magic: magic, floor: floor, body)
  }
  @inline(__always) func reduced(_ x: Four<Lanes>) -> ReducedFour {
    reducedFour(x, by: reduction, magic: magic, floor: floor)
  }
  @inline(__always) func handOver(_ x: ReducedFour, _ count: Int = 4) {
    let rests = rests(x.t)
    body((x.nodes.0, rests.0))
    if count > 1 { body((x.nodes.1, rests.1)) }
    if count > 2 { body((x.nodes.2, rests.2)) }
    if count > 3 { body((x.nodes.3, rests.3)) }
  }
  @inline(__always) func four(from first: Int) -> Four<Lanes> {
    (vector(first), vector(first &+ 1), vector(first &+ 2), vector(first &+ 3))
  }
  if count == 8 {
    let (first, second) = (reduced(four(from: 0)), reduced(four(from: 4)))
    handOver(first)
    handOver(second)
    return
  }
  if count >= 4 { handOver(reduced(four(from: 0))) }
  let first = count & 4
  switch count & 3 {
  case 3:
    let last = vector(first &+ 2)
    handOver(reduced((vector(first), vector(first &+ 1), last, last)), 3)
  case 2:
    let last = vector(first &+ 1)
    handOver(reduced((vector(first), last, last, last)), 2)
  case 1: handOver(reduced(fourCopies(of: vector(first))), 1)
  default: break
  }
}

/// The same with few registers: what `body` does with one vector stands between the steps of the next, for the time that these
/// take, and nothing else waits in a register.
@inline(__always)
private func forEachExponentialInTurn(
  count: Int, of vector: (Int) -> Lanes, by reduction: Reduction, magic: Lanes, floor: Lanes,
  _ body: (ScaledExponentials) -> Void
) {
  /// - Parameter last: the exponentials before, if any.
  @inline(__always)
  func exponentials(_ x: Lanes, after last: ScaledExponentials?) -> ScaledExponentials {
    let clamped = clamp(x, floor)
    let nodes = pinned(node(clamped, magic))
    if let last { body(last) }
    let n = nodes - magic
    let t = pinned(highPart(n, clamped) - lowPart(n, nodes, reduction))
    return (nodes, pinned(multiplyAdd(quotient(t, t * t), t * t, t)))
  }
  guard count > 0 else { return }
  var last = exponentials(vector(0), after: nil)
  if count == 8 {
    // By hand: the compiler leaves a loop of what is pinned as it is.
    last = exponentials(vector(1), after: last)
    last = exponentials(vector(2), after: last)
    last = exponentials(vector(3), after: last)
    last = exponentials(vector(4), after: last)
    last = exponentials(vector(5), after: last)
    last = exponentials(vector(6), after: last)
    last = exponentials(vector(7), after: last)
  } else {
    for index in 1..<count { last = exponentials(vector(index), after: last) }
  }
  body(last)
}

/// Nodes, and what is left of logits beside them: `x - ln(node)`.
private typealias ReducedFour = (nodes: Four<Lanes>, t: Four<Lanes>)

@inline(__always)
private func reducedFour(_ x: Four<Lanes>, by reduction: Reduction, magic: Lanes, floor: Lanes) -> ReducedFour {
  let clamped = each(x) { clamp($0, floor) }
  let nodes = each(clamped) { node($0, magic) }
  let n = each(nodes) { $0 - magic }
  let high = each(n, clamped) { highPart($0, $1) }
  let low = each(n, nodes) { lowPart($0, $1, reduction) }
  return (nodes, each(high, low) { $0 - $1 })
}

/// `exp(t) - 1`.
@inline(__always)
private func rests(_ t: Four<Lanes>) -> Four<Lanes> {
  let square = each(t) { $0 * $0 }
  let q = each(t, square) { quotient($0, $1) }
  return (
    multiplyAdd(q.0, square.0, t.0), multiplyAdd(q.1, square.1, t.1), multiplyAdd(q.2, square.2, t.2),
    multiplyAdd(q.3, square.3, t.3)
  )
}

@inline(__always)
private func clamp(_ x: Lanes, _ floor: Lanes) -> Lanes { larger(floor, x) }  // In this order NaN survives.

@inline(__always)
private func node(_ clamped: Lanes, _ magic: Lanes) -> Lanes { multiplyAdd(clamped, constant(stepsPerUnit), magic) }

@inline(__always)
private func highPart(_ n: Lanes, _ clamped: Lanes) -> Lanes { multiplyAdd(n, constant(-stepHigh), clamped) }

@inline(__always)
private func lowPart(_ n: Lanes, _ nodes: Lanes, _ reduction: Reduction) -> Lanes {
  #if KERNEL_FMA
    let offsets = looked(upIn: nodeOffsets, at: nodes)
    return reduction == .exact ? multiplyAdd(n, constant(stepLow), offsets) : offsets
  #else
    return n * constant(stepLow)
  #endif
}

/// `(exp(t) - 1 - t) / t^2`: the exponential is within 0.2 * 2^-24; 0.93 * 2^-24 without fused multiply-adds.
@inline(__always)
private func quotient(_ t: Lanes, _ square: Lanes) -> Lanes {
  let start = multiplyAdd(constant(q1), t, constant(q0))
  #if KERNEL_FMA
    return multiplyAdd(constant(q2), square, start)
  #else
    // Estrin's order: half as long a chain as Horner's.
    let middle = multiplyAdd(constant(q3), t, constant(q2))
    return multiplyAdd(multiplyAdd(constant(q4), square, middle), square, start)
  #endif
}

@inline(__always)
private func constant(_ value: Float) -> Lanes { Lanes(repeating: value) }

// Sums of exponentials: of the nodes in f64, where they are exact but for the last bit of 53, and of node * rest in
// f32, a few at a time, because those are a thirteenth of the nodes at most (without fused multiply-adds two fifths), and so is what
// their additions lose. Sums of whole exponentials in f32 would cost more than the exponentials do where a few elements outweigh
// many small ones.

/// Adds node * rest to the f32 sum of a group.
@inline(__always)
func addRest(_ exponentials: ScaledExponentials, to sum: inout Lanes) {
  sum = pinned(multiplyAdd(floatNodes(exponentials.nodes), exponentials.rest, sum))
}

/// Scaled sums of exponentials by the short reduction, corrected.
///
/// Each exponential is off by `excess x`. Their sum is off by `excess` times the mean of `x`, weighted with the exponentials, which is the
/// logarithm of the sum less the entropy of the weights. That lies between 0, where one outweighs the rest, and the 11 bits of a
/// block of equal logits: taken for half of them, it leaves 0.19 * 2^-24 of the sum.
/// - Parameters:
///   - powers: the sums' `N`.
///   - excess: 0 for sums that are right as they are.
@inline(__always)
func corrected(_ scaledSums: WideLanes, powers: WideLanes, excess: WideLanes) -> WideLanes {
  // The exponent is half a bit less than the logarithm in the mean.
  let means = powers + exponents(scaledSums) - WideLanes(repeating: 5)
  return multiplyAdd(scaledSums, means * (excess * WideLanes(repeating: 0x1.62e42fefa39efp-1)), scaledSums)
}
