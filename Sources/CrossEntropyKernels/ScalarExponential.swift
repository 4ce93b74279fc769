// Our own exponential and logarithm in double precision, rather than the C library's: that one's last bit depends on its
// version and on the CPU. No multiply-add is fused here, so the bits are the same on every machine.

// 32 bits of ln 2, so that the product with an integer of 21 bits is exact, and the rest.
private let ln2High = 0x1.62e42feep-1
private let ln2Low = 0x1.a39ef35793c76p-33

/// `exp(x + low)` for `x <= 1` and a `low` that is tiny against it, within 1 ulp; exactly 0 where `x` is below -708, and the
/// result would be subnormal.
@inline(__always)
func exponential(_ x: Double, low: Double = 0) -> Double {
  guard x > -708 else { return x.isNaN ? x : 0 }
  let rounder = 0x1.8p52
  let shifted = x * 0x1.71547652b82fep0 + rounder
  let n = shifted - rounder
  let t = (x - n * ln2High) - (n * ln2Low - low)
  let power = Double(bitPattern: UInt64(bitPattern: Int64(n) &+ 1023) &<< 52)
  return power * (1 + t * exponentialQuotient(t))
}

/// `2^power exp(a - b)`, which is at most about 1: what the sum in its exponent loses in rounding is not lost.
@inline(__always)
func exponential(power: Double, of a: Double, minus b: Double) -> Double {
  let (difference, lost) = twoSum(a, -b)
  let (exponent, lostToo) = twoSum(power * ln2High, difference)
  return exponential(exponent, low: power * ln2Low + (lost + lostToo))
}

/// A sum, and exactly what it loses in rounding.
/// - Source: Knuth, The Art of Computer Programming, volume 2, 4.2.2.
@inline(__always)
func twoSum(_ a: Double, _ b: Double) -> (sum: Double, lost: Double) {
  let sum = a + b
  let part = sum - a
  return (sum, (a - (sum - part)) + (b - part))
}

/// `(exp(t) - 1) / t` for `|t| <= 0.35`: the Taylor series to `t^13 / 14!`, whose remainder is under 2^-59.
@inline(__always)
private func exponentialQuotient(_ t: Double) -> Double {
  var q = 1.0 / 87_178_291_200
  q = q * t + 1.0 / 6_227_020_800
  q = q * t + 1.0 / 479_001_600
  q = q * t + 1.0 / 39_916_800
  q = q * t + 1.0 / 3_628_800
  q = q * t + 1.0 / 362_880
  q = q * t + 1.0 / 40_320
  q = q * t + 1.0 / 5_040
  q = q * t + 1.0 / 720
  q = q * t + 1.0 / 120
  q = q * t + 1.0 / 24
  q = q * t + 1.0 / 6
  q = q * t + 1.0 / 2
  return q * t + 1
}
