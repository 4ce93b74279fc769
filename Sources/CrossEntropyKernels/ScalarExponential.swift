// Our own exponential and logarithm in double precision, rather than the C library's: that one's last bit depends on its
// version and on the CPU. No multiply-add is fused here, so the bits are the same on every machine.

/// `exp(x)` for `x <= 1`, within 1 ulp; exactly 0 below -708, where the result would be subnormal.
@inline(__always)
func exponential(_ x: Double) -> Double {
  guard x > -708 else { return x.isNaN ? x : 0 }
  let rounder = 0x1.8p52
  let shifted = x * 0x1.71547652b82fep0 + rounder
  let n = shifted - rounder
  // The high part of ln 2 has 32 bits, so that its product with n is exact.
  let t = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33
  let power = Double(bitPattern: UInt64(bitPattern: Int64(n) &+ 1023) &<< 52)
  return power * (1 + t * exponentialQuotient(t))
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
