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

/// The same for floats, within 0.51 ulp: computed in f64, with a shorter series and no more.
@inline(__always)
func softcapped(_ x: Lanes, at cap: Double) -> Lanes {
  func constant(_ value: Double) -> WideLanes { WideLanes(repeating: value) }
  let zero = Lanes(repeating: 0)
  // Of 10 and more the hyperbolic tangent is 1 in single precision. In this form NaN survives.
  let limit = Lanes(repeating: min(Float(10 * cap), .greatestFiniteMagnitude))
  let magnitude = larger(x, zero - x)
  let clamped = select(magnitude, isGreaterThan: limit, yes: limit, no: magnitude)
  let twice = widened(clamped) * constant(2 / cap)
  let rounder = constant(0x1.8p52 + 1023)
  let shifted = multiplyAdd(twice, constant(0x1.71547652b82fep0), rounder)
  let n = shifted - rounder
  let t = multiplyAdd(n, constant(-0x1.62e42fefa39efp-1), twice)
  let power = powersOfTwo(fields: shifted)
  let lessOne = multiplyAdd(power, t * shortExponentialQuotients(ofSmall: t), power - constant(1))
  let result = narrowed(constant(cap) * (lessOne / (lessOne + constant(2))))
  let largest = Lanes(repeating: .greatestFiniteMagnitude)
  let capped = select(magnitude, isGreaterThan: largest, yes: magnitude, no: result)
  return select(zero, isGreaterThan: x, yes: zero - capped, no: capped)
}
