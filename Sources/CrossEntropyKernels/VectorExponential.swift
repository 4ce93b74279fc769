import CKernelShims

/// The references of sixteen sums of exponentials, one a lane: powers of two, so that scaling is exact.
///
/// `exp(x - c) = 2^n exp(t)` with `n = round((x - c) log2 e)` and `t = (x - c) - n ln 2`. A sum is one of
/// `2^(n - N) exp(t)`, where `2^N` is the power of two next to the largest exponential. Nothing is rounded before the
/// reduction, as it is where `x - maximum` is formed first; and the powers are f64, so that a loss of 1e-300 is still
/// right.
struct LaneReferences {
  /// `c`, subtracted from each element first: 0 but for logits so large that `n ln 2` would not be exact. Elements that
  /// count are then within a factor of two of it, so that the difference is exact.
  let centers: Lanes
  /// `N`, integers.
  private let powers: Lanes

  /// Half an integer's worth of mantissa: adding it rounds to an integer, which then stands in the low bits.
  private static var rounder: Float { 0x1.8p23 }
  /// The exponent field of 1.0 in f64.
  private static var exponentOffset: Float { 1023 }

  #if KERNEL_FMA
    /// `n ln2High` need not be exact here: it is fused with the subtraction.
    static var largestUncentered: Float { 0x1p14 }
  #else
    /// `n ln2High` must be exact, so |n| < 4096, down to the smallest term that counts.
    static var largestUncentered: Float { 512 }
  #endif

  /// The references for sums whose largest elements are `maxima`; any that is not finite makes its own lane useless.
  @inline(__always)
  init(maxima: Lanes) {
    let limit = Lanes(repeating: Self.largestUncentered)
    let zero = Lanes(repeating: 0)
    centers = select(
      maxima, isGreaterThan: limit, yes: maxima,
      no: select(zero - limit, isGreaterThan: maxima, yes: maxima, no: zero))
    let rounder = Lanes(repeating: Self.rounder)
    powers = ((maxima - centers) * Lanes(repeating: log2e) + rounder) - rounder
  }

  /// What rounds an element to its `n` and leaves the exponent field of `2^(n - N)` in the low bits.
  @inline(__always)
  var magics: Lanes {
    Lanes(repeating: Self.rounder) + (Lanes(repeating: Self.exponentOffset) - powers)
  }

  /// The elements, less the centers, at and below which the exponent field is 0, and so the power.
  @inline(__always)
  var floors: Lanes { (powers - Lanes(repeating: Self.exponentOffset)) * Lanes(repeating: ln2) }

  /// What sums must be multiplied by to be relative to the largest elements: `2^N / exp(maximum - c)`.
  @inline(__always)
  func scales(maxima: Lanes) -> WideLanes {
    let exponents = multiplyAdd(
      widened(powers), WideLanes(repeating: 0x1.62e42fefa39efp-1), WideLanes(repeating: 0) - widened(maxima - centers))
    return exponentials(ofSmall: exponents)
  }

  /// The center and the power of the first lane.
  @inline(__always)
  var scaling: (center: Double, power: Double) { (Double(centers[0]), Double(powers[0])) }
}

private let log2e: Float = 0x1.715476p0
private let ln2: Float = 0x1.62e43p-1
#if KERNEL_FMA
  // ln 2 as a sum of two floats: 45 bits.
  private let ln2High: Float = 0x1.62e43p-1
  private let ln2Low: Float = -0x1.05c61p-29
#else
  // The high part has 12 bits, so that its product with an integer of 12 bits is exact.
  private let ln2High: Float = 0x1.62ep-1
  private let ln2Low: Float = 0x1.0bfbe8p-15
#endif

// q with exp(t) = 1 + t q(t) for |t| <= ln 2 / 2 + 2^-10, off by at most 0.055 * 2^-24:
// Documentation/kernels/exponential_polynomial.py finds them.
private let q1: Float = 0x1.fffffcp-2
private let q2: Float = 0x1.55548ap-3
private let q3: Float = 0x1.55585p-5
private let q4: Float = 0x1.123ec2p-7
private let q5: Float = 0x1.6ac324p-10

/// Exponentials `2^(n - N) (1 + rest)` that are not put together yet; the low bits of `shifted` hold the power's field.
typealias ScaledExponentials<Vector> = (shifted: Vector, rest: Vector)

/// `exp(x - c)`, scaled by `2^-N`, in each lane: exactly 0 for -infinity, NaN for NaN.
///
/// The reduction and the polynomial are f32, within 0.93 * 2^-24 of the exponential.
@inline(__always)
func scaledExponentials(of x: Lanes, magic: Lanes, floor: Lanes) -> ScaledExponentials<Lanes> {
  let clamped = larger(floor, x)  // In this order NaN survives.
  let shifted = multiplyAdd(clamped, Lanes(repeating: log2e), magic)
  let n = shifted - magic
  var t = multiplyAdd(n, Lanes(repeating: -ln2High), clamped)
  t = multiplyAdd(n, Lanes(repeating: -ln2Low), t)
  // Estrin's order: half as long a chain as Horner's.
  let square = t * t
  let low = multiplyAdd(Lanes(repeating: q2), t, Lanes(repeating: q1))
  let high = multiplyAdd(Lanes(repeating: q4), t, Lanes(repeating: q3))
  let q = multiplyAdd(multiplyAdd(Lanes(repeating: q5), square, high), square, low)
  return (shifted, multiplyAdd(q, square, t))
}

/// Adds exponentials to each lane of `sum`, in f64: sums in f32 would cost more than the exponentials do where a few
/// elements outweigh many small ones.
@inline(__always)
func addScaled(_ exponentials: ScaledExponentials<Lanes>, to sum: inout WideLanes) {
  sum = multiplyAdd(
    powersOfTwo(fields: exponentials.shifted), widened(exponentials.rest) + WideLanes(repeating: 1), sum)
}
