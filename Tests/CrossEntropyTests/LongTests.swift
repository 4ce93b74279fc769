import Dispatch
import Glibc
import Synchronization
import Testing

@testable import CrossEntropy

extension Tag {
  /// Minutes, not seconds: `make test-long` runs them.
  @Tag static var long: Self
}

@Suite("Every float", .tags(.long), .enabled(if: getenv("XENTD_LONG_TESTS") != nil))
struct LongTests {
  /// The loss of two classes of which the label's logit is 0 and the other's is x: log1p(exp(x)).
  @Test(
    "the exponential of every f32 from -104 to 0 is right, seen through the loss of two classes", arguments: kernels)
  func everyExponential(kernel: Kernel) {
    let last = Float(-104).bitPattern & 0x7fff_ffff
    let chunkLength: UInt32 = 1 << 20
    let chunkCount = Int(last / chunkLength) + 1
    let promised = kernel.fusesMultiplyAdds ? 1.5 : 2.5
    let worst = Mutex((ulps: 0.0, x: Float(0)))
    DispatchQueue.concurrentPerform(iterations: chunkCount) { chunk in
      let first = UInt32(chunk) * chunkLength
      let count = Int(min(chunkLength, last - first + 1))
      let found = worstRow(kernel: kernel, firstBits: first, count: count)
      worst.withLock { if !(found.ulps <= $0.ulps) { $0 = found } }
    }
    let (ulps, x) = worst.withLock { $0 }
    print("\(kernel.name): \(last + 1) floats, the worst \(ulps) ulp at \(x)")
    #expect(ulps <= promised, "at \(x)")
  }

  private func worstRow(kernel: Kernel, firstBits: UInt32, count: Int) -> (ulps: Double, x: Float) {
    var logits = [Float](repeating: 0, count: 2 * count)
    for index in 0..<count { logits[2 * index + 1] = -Float(bitPattern: firstBits + UInt32(index)) }
    var losses = [Float](repeating: -1, count: count)
    let labels = [UInt8](repeating: 0, count: count)
    let round = Round(workerCount: 1, kernel: kernel)
    logits.withUnsafeBytes { logits in
      labels.withUnsafeBytes { labels in
        losses.withUnsafeMutableBytes { losses in
          var batch = LossBatch(
            rowCount: count, classCount: 2, logits: logits.baseAddress!, labels: labels.baseAddress!,
            labelLayout: .integers(.u8))
          batch.outputs.losses = losses.baseAddress
          _ = round.add(batch)
          round.compute()
        }
      }
    }
    var worst = (ulps: 0.0, x: Float(0))
    for index in 0..<count {
      let x = logits[2 * index + 1]
      // The C library's double-precision functions are right to 1e-9 of what is looked at.
      let exact = log1p(exp(Double(x)))
      let ulps = abs(Double(losses[index]) - exact) / Double(Float(exact).ulp)
      if !(ulps <= worst.ulps) { worst = (ulps, x) }
    }
    return worst
  }
}
