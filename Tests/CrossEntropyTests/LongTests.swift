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
  @Test(
    "the exponential of every f32 from -104 to 0 is right, seen through the loss of two classes", arguments: kernels)
  func everyExponential(kernel: Kernel) { checkExponentials(kernel, classCount: 2, step: 1) }

  @Test("so is that of every 32nd in rows too wide for lanes, whose other classes are masked", arguments: kernels)
  func exponentialsInBlocks(kernel: Kernel) { checkExponentials(kernel, classCount: 65, step: 32) }

  /// The loss of the label, whose logit is 0, beside a class whose logit is x: log1p(exp(x)).
  private func checkExponentials(_ kernel: Kernel, classCount: Int, step: UInt32) {
    let last = Float(-104).bitPattern & 0x7fff_ffff
    let chunkLength: UInt32 = 1 << 20
    let chunkCount = Int(last / chunkLength) + 1
    let promised = kernel.fusesMultiplyAdds ? 1.5 : 2.5
    let worst = Mutex((ulps: 0.0, x: Float(0)))
    DispatchQueue.concurrentPerform(iterations: chunkCount) { chunk in
      let first = UInt32(chunk) * chunkLength
      let end = min(first + chunkLength, last + 1)
      let found = worstRow(
        kernel, classCount: classCount, stride(from: first, to: end, by: Int(step)).map { -Float(bitPattern: $0) })
      worst.withLock { if !(found.ulps <= $0.ulps) { $0 = found } }
    }
    let (ulps, x) = worst.withLock { $0 }
    print("\(kernel.name), \(classCount) classes: \(last / step + 1) floats, the worst \(ulps) ulp at \(x)")
    #expect(ulps <= promised, "at \(x)")
  }

  private func worstRow(_ kernel: Kernel, classCount: Int, _ floats: [Float]) -> (ulps: Double, x: Float) {
    let count = floats.count
    var logits = [Float](repeating: -.infinity, count: count * classCount)
    for (index, x) in floats.enumerated() {
      logits[index * classCount] = 0
      logits[index * classCount + 1] = x
    }
    var losses = [Float](repeating: -1, count: count)
    let labels = [UInt8](repeating: 0, count: count)
    let round = Round(workerCount: 1, kernel: kernel)
    logits.withUnsafeBytes { logits in
      labels.withUnsafeBytes { labels in
        losses.withUnsafeMutableBytes { losses in
          var batch = LossBatch(
            rowCount: count, classCount: classCount, logits: logits.baseAddress!, labels: labels.baseAddress!,
            labelLayout: .integers(.u8))
          batch.outputs.losses = losses.baseAddress
          _ = round.add(batch)
          round.compute()
        }
      }
    }
    var worst = (ulps: 0.0, x: Float(0))
    for index in 0..<count {
      let x = floats[index]
      // The C library's double-precision functions are right to 1e-9 of what is looked at.
      let exact = log1p(exp(Double(x)))
      let ulps = abs(Double(losses[index]) - exact) / Double(Float(exact).ulp)
      if !(ulps <= worst.ulps) { worst = (ulps, x) }
    }
    return worst
  }
}
