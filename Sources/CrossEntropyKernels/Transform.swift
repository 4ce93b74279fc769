import CKernelShims

/// What of a `LogitTransform` is done, known when the code is compiled: logits that are taken as they are cost nothing.
protocol TransformKind {
  static var divides: Bool { get }
  static var caps: Bool { get }
}

enum Untransformed: TransformKind {
  @inline(__always) static var divides: Bool { false }
  @inline(__always) static var caps: Bool { false }
}

enum Divided: TransformKind {
  @inline(__always) static var divides: Bool { true }
  @inline(__always) static var caps: Bool { false }
}

enum Capped: TransformKind {
  @inline(__always) static var divides: Bool { true }
  @inline(__always) static var caps: Bool { true }
}

extension LogitTransform {
  /// Sixteen logits, transformed.
  @inline(__always)
  func applied<Numbers: Arithmetic, Kind: TransformKind>(
    to x: Numbers.Vector, of numbers: Numbers.Type, as kind: Kind.Type
  ) -> Numbers.Vector {
    guard Kind.divides else { return x }
    let quotient = Numbers.divided(x, by: Numbers.repeating(temperature))
    return Kind.caps ? Numbers.capped(quotient, at: softcap) : quotient
  }

  /// One logit, transformed to the same bits.
  @inline(__always)
  func applied<Numbers: Arithmetic, Kind: TransformKind>(
    to x: Double, of numbers: Numbers.Type, as kind: Kind.Type
  ) -> Double {
    guard Kind.divides else { return x }
    return Numbers.firstLane(applied(to: Numbers.repeating(x), of: numbers, as: kind))
  }
}

/// One logit, transformed to the same bits as those of a row.
package func transformed(_ logit: Double, format: LogitFormat, by transform: LogitTransform) -> Double {
  format == XENT_FORMAT_F64
    ? transform.applied(to: logit, of: DoubleArithmetic.self)
    : transform.applied(to: logit, of: FloatArithmetic.self)
}

extension LogitTransform {
  @inline(__always)
  fileprivate func applied<Numbers: Arithmetic>(to x: Double, of numbers: Numbers.Type) -> Double {
    if softcap != 0 { return applied(to: x, of: numbers, as: Capped.self) }
    return temperature == 1 ? x : applied(to: x, of: numbers, as: Divided.self)
  }
}

/// `cap * tanh(x / cap)` for `cap > 0`; infinities and NaN stay what they are.
///
/// `tanh u = (e - 1) / (e + 1)` with `e = exp(2 |u|) = 2^n (1 + t q(t))`, so that `e - 1 = 2^n t q(t) + (2^n - 1)`, which
/// cancels nothing where `u` is tiny.
@inline(__always)
func softcapped(_ x: WideLanes, at cap: Double) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let zero = constant(0)
  // Of 20 and more the hyperbolic tangent is 1 in double precision. In this form NaN survives.
  let u = larger(x, zero - x) * constant(1 / cap)
  let twice = select(constant(20), isLessThan: u, yes: constant(20), no: u) * constant(2)
  let rounder = constant(0x1.8p52 + 1023)
  let shifted = multiplyAdd(twice, constant(0x1.71547652b82fep0), rounder)
  let n = shifted - rounder
  let t = multiplyAdd(n, constant(-0x1.a39ef35793c76p-33), multiplyAdd(n, constant(-0x1.62e42feep-1), twice))
  let power = powersOfTwo(fields: shifted)
  let lessOne = multiplyAdd(power, t * exponentialQuotients(ofSmall: t), power - constant(1))
  let magnitude = constant(cap) * (lessOne / (lessOne + constant(2)))
  let signed = select(x, isLessThan: zero, yes: zero - magnitude, no: magnitude)
  let largest = constant(.greatestFiniteMagnitude)
  let below = select(x, isLessThan: zero - largest, yes: x, no: signed)
  return select(largest, isLessThan: x, yes: x, no: below)
}

/// The same for floats, within 1.2 ulp.
@inline(__always)
func softcapped(_ x: Lanes, at cap: Double) -> Lanes {
  let infinity = Lanes(repeating: .infinity)
  let magnitude = magnitudes(x)
  // Of 10 and more the hyperbolic tangent is 1 in single precision. NaN counts as that here.
  let limit = Lanes(repeating: min(Float(10 * cap), .greatestFiniteMagnitude))
  let clamped = select(limit, isGreaterThan: magnitude, yes: magnitude, no: limit)
  #if KERNEL_FMA
    // What is subnormal has no reciprocal.
    let result =
      cap < Double(Float.leastNormalMagnitude)
      ? narrowed(softcappedMagnitudes(widened(clamped), at: cap)) : softcappedMagnitudes(clamped, at: cap)
  #else
    let result = narrowed(softcappedMagnitudes(widened(clamped), at: cap))
  #endif
  // Below, u and tanh u are the same: u^2 / 3 is less than a third of the last bit.
  let tiny = Lanes(repeating: Float(cap * 0x1p-12))
  let large = select(infinity, isGreaterThan: magnitude, yes: result, no: magnitude)
  let capped = select(magnitude, isGreaterThan: tiny, yes: large, no: magnitude)
  return select(Lanes(repeating: 0), isGreaterThan: x, yes: negated(capped), no: capped)
}

/// The softcap of `0 <= x <= 10 cap`, in f64 with a short series.
@inline(__always)
private func softcappedMagnitudes(_ x: WideLanes, at cap: Double) -> WideLanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let twice = x * constant(2 / cap)
  let rounder = constant(0x1.8p52 + 1023)
  let shifted = multiplyAdd(twice, constant(0x1.71547652b82fep0), rounder)
  let n = shifted - rounder
  let t = multiplyAdd(n, constant(-0x1.62e42fefa39efp-1), twice)
  let power = powersOfTwo(fields: shifted)
  let lessOne = multiplyAdd(power, t * shortExponentialQuotients(ofSmall: t), power - constant(1))
  return constant(cap) * (lessOne / (lessOne + constant(2)))
}

#if KERNEL_FMA
  /// The softcap of `0 <= x <= 10 cap`, in f32: what each step rounds away is carried along, and half as much is computed as in
  /// f64. The cap is not subnormal.
  @inline(__always)
  private func softcappedMagnitudes(_ x: Lanes, at cap: Double) -> Lanes {
    func constant(_ value: Float) -> Lanes { Lanes(repeating: value) }
    // 2u, in two parts.
    let scale = Float(2 / cap)
    let twice = x * constant(scale)
    let twiceLost = multiplyAdd(
      x, constant(Float(2 / cap - Double(scale))), multiplyAdd(x, constant(scale), negated(twice)))
    // exp(2u) = 2^n exp(t), t in two parts: the first is exact.
    let rounder = constant(0x1.8p23 + 127)
    let shifted = multiplyAdd(twice, constant(0x1.715476p0), rounder)
    let n = shifted - rounder
    let high = multiplyAdd(n, constant(-0x1.62ep-1), twice)
    let low = multiplyAdd(n, constant(-0x1.0bfbe8p-15), twiceLost)
    let power = powersOfTwo(fields: shifted)
    // e = exp(2u) - 1, in two parts.
    let rest = exponentialsLessOne(ofSmall: high + low, plus: low)
    let start = multiplyAdd(power, high, power - constant(1))
    let e = multiplyAdd(power, rest, start)
    let eLost = multiplyAdd(power, rest, start - e)
    // e / (e + 2), and what is missing there.
    let divisor = e + constant(2)
    let divisorLost = (e - (divisor - constant(2))) + eLost
    let reciprocal = constant(1) / divisor
    let quotient = e * reciprocal
    let missing =
      multiplyAdd(quotient, negated(divisor), e) + multiplyAdd(quotient, negated(divisorLost), eLost)
    let cap = constant(Float(cap))
    let product = cap * quotient
    let productLost = multiplyAdd(cap, quotient, negated(product))
    return product + multiplyAdd(missing, cap * reciprocal, productLost)
  }

  /// `exp(t) - 1 - t` for `|t| <= 0.35`, plus `small`.
  @inline(__always)
  private func exponentialsLessOne(ofSmall t: Lanes, plus small: Lanes) -> Lanes {
    func constant(_ value: Float) -> Lanes { Lanes(repeating: value) }
    // The series of the exponential without fused multiply-adds, in Estrin's order.
    let square = t * t
    let low = multiplyAdd(constant(0x1.55548ap-3), t, constant(0x1.fffffcp-2))
    let middle = multiplyAdd(constant(0x1.123ec2p-7), t, constant(0x1.55585p-5))
    let q = multiplyAdd(multiplyAdd(constant(0x1.6ac324p-10), square, middle), square, low)
    return multiplyAdd(q, square, small)
  }
#endif
