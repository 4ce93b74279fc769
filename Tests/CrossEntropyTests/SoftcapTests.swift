import CKernelShims
import Glibc
import TestSupport
import Testing

@testable import CrossEntropy

#if arch(x86_64)
  @Suite("Softcap of f32 logits, against 80-bit arithmetic")
  struct SoftcapTests {
    private static let caps: [Float] = [1, 1.7, 30, 49.137, 33_000, 0x1p-126, 0x1p-131, 1e38]

    private func softcapped(_ logit: Float, at cap: Float, _ kernel: Kernel) -> Float {
      let transform = LogitTransform(temperature: 1, softcap: Double(cap))
      return Float(kernel.transformed(Double(logit), XENT_FORMAT_F32, transform))
    }

    @Test("it is within 2 ulp, from logits far below the cap to far above", arguments: caps)
    func accuracy(cap: Float) {
      var random = SplitMix64(seed: UInt64(cap.bitPattern))
      for _ in 0..<200_000 {
        let ratio = exp2(Float.random(in: -26...5, using: &random))
        let logit = cap * ratio * (Bool.random(using: &random) ? 1 : -1)
        guard logit.isFinite else { continue }
        let exact = Float80(cap) * tanhl(Float80(logit) / Float80(cap))
        for kernel in kernels {
          let error = ulps(softcapped(logit, at: cap, kernel), exact)
          #expect(error <= 2, "\(kernel.name): \(logit) at \(cap)")
        }
      }
    }

    @Test("special values and zeros stay what they are, and the largest logits become the cap", arguments: caps)
    func special(cap: Float) {
      for kernel in kernels {
        #expect(softcapped(.nan, at: cap, kernel).isNaN)
        for logit in [-Float.infinity, 0, .infinity] { #expect(softcapped(logit, at: cap, kernel) == logit) }
        for sign: Float in [-1, 1] where cap < 1e37 {
          #expect(softcapped(sign * .greatestFiniteMagnitude, at: cap, kernel) == sign * cap)
        }
      }
    }
  }
#endif
