import TestSupport
import Testing

@testable import CrossEntropy

#if arch(x86_64)
  @Suite("Accuracy, against 80-bit arithmetic")
  struct AccuracyTests {
    /// In units in the last place, for every kernel: also those without fused multiply-adds, of which 2.5 is promised.
    private static let promised = 1.5
    private static let classCounts =
      Array(1...70) + [100, 191, 192, 193, 1000, 2047, 2048, 2049, 4096, 50257, 65535, 65536, 65537, 151_936, 262_144]

    /// The largest error of any kernel.
    private func worst(_ rows: [[Float]], labels: [Int]) -> Double {
      let exact = zip(rows, labels).map { exactLoss($0, label: $1) }
      return kernels.flatMap { kernel in
        zip(computedLosses(rows, labels: labels, kernel: kernel), exact).map { ulps($0, $1) }
      }.max() ?? 0
    }

    private func rows(_ classCount: Int, offset: Double, spread: Double, _ random: inout SplitMix64) -> [[Float]] {
      let count = classCount < 200 ? 16 : classCount < 10_000 ? 4 : 1
      return (0..<count).map { _ in random.floats(count: classCount, offset: offset, spread: spread) }
    }

    private func top(_ row: [Float]) -> Int { row.indices.max { row[$0] < row[$1] }! }

    @Test("losses are within the promise", arguments: [0, 100, -100, -1e4, 1e4, 6e4, -6e4, 1e6, -1e6], [0.1, 3, 50])
    func sweep(offset: Double, spread: Double) {
      var random = SplitMix64(seed: UInt64(bitPattern: Int64(offset)) ^ spread.bitPattern)
      for classCount in Self.classCounts {
        let rows = rows(classCount, offset: offset, spread: spread, &random)
        let labels = rows.map { _ in Int.random(in: 0..<classCount, using: &random) }
        #expect(worst(rows, labels: labels) <= Self.promised, "\(classCount) classes, random labels")
        #expect(worst(rows, labels: rows.map(top)) <= Self.promised, "\(classCount) classes, labels at the top")
      }
    }

    @Test("confident rows keep losses down to 1e-30, also where all others tie", arguments: [0, 100, -1e4])
    func confident(offset: Double) {
      var random = SplitMix64(seed: 7)
      for classCount in [2, 3, 10, 64, 65, 191, 192, 193, 1000, 2048, 2049, 50257] {
        for step in 0..<(classCount > 10_000 ? 4 : 40) {
          let gap = Double(step) * (classCount > 10_000 ? 20 : 2)
          var ties = [Float](repeating: Float(offset - gap), count: classCount)
          var mixed = random.floats(count: classCount, offset: offset - gap, spread: 0.5)
          let label = Int.random(in: 0..<classCount, using: &random)
          ties[label] = Float(offset + 4)
          mixed[label] = Float(offset + 4)
          #expect(worst([ties, mixed], labels: [label, label]) <= Self.promised, "\(classCount) classes, gap \(gap)")
        }
      }
    }

    @Test("one element that outweighs many small ones costs no accuracy", arguments: [0, 1.6e4, -1.6e4])
    func outweighing(offset: Double) {
      var random = SplitMix64(seed: 8)
      for classCount in [33, 100, 500, 2048, 5000] {
        for _ in 0..<100 {
          var row = random.floats(count: classCount, offset: offset - 16, spread: 1)
          row[0] = Float(offset + 8)
          row[Int.random(in: 1..<classCount, using: &random)] = Float(offset) + Float.random(in: -4...0, using: &random)
          #expect(worst([row], labels: [0]) <= Self.promised)
        }
      }
    }

    @Test("losses that only doubles can hold come out as f64, beside rows that floats can", arguments: kernels)
    func farBelow(kernel: Kernel) {
      for classCount in [2, 3, 17, 65, 100, 192, 193, 2048, 2049, 5000] {
        for gap in stride(from: Float(20), through: 640, by: 20) {
          var row = [Float](repeating: 3 - gap, count: classCount)
          row[classCount / 2] = 3
          let usual = (0..<classCount).map { Float($0 % 7) }
          let masked = row.map { $0 == 3 ? Float(3) : -.infinity }
          let losses = computedDoubleLosses(
            [row, usual, masked], labels: [classCount / 2, 0, classCount / 2], kernel: kernel)
          let exact = Double(exactLoss(row, label: classCount / 2))
          #expect(abs(losses[0] - exact) <= 1e-7 * exact, "\(classCount) classes, gap \(gap)")
          #expect(abs(losses[1] - Double(exactLoss(usual, label: 0))) <= 1e-7 * losses[1])
          #expect(losses[2] == 0 && losses[2].sign == .plus)
        }
      }
    }

    @Test("logits too large for floats keep the promise, in any row of a group", arguments: kernels)
    func veryLarge(kernel: Kernel) {
      var random = SplitMix64(seed: 10)
      for classCount in [1, 2, 10, 65, 192, 193, 3000] {
        let offsets: [Double] = [0, 3000, -3000, 2e4, -2e4, 3e5, 5, -7]
        let rows = (0..<40).map { random.floats(count: classCount, offset: offsets[$0 % 8], spread: 3) }
        let losses = computedLosses(rows, labels: rows.map { _ in 0 }, kernel: kernel)
        for (row, loss) in zip(rows, losses) { #expect(ulps(loss, exactLoss(row, label: 0)) <= Self.promised) }
      }
    }

    @Test("a constant added to every logit leaves the loss as it was", arguments: 1...67)
    func shiftInvariance(classCount: Int) {
      var random = SplitMix64(seed: UInt64(classCount))
      // Sixty-fourths, so that adding 8 is exact.
      let row = (0..<classCount).map { _ in Float(Int.random(in: -512...512, using: &random)) / 64 }
      let losses = computedLosses([row, row.map { $0 + 8 }], labels: [0, 0])
      #expect(abs(losses[0] - losses[1]) <= 2 * losses[0].ulp)
    }

    @Test("our exponential and logarithm are within 1.5 ulp")
    func scalars() {
      var random = SplitMix64(seed: 9)
      for _ in 0..<200_000 {
        let x = -Double.random(in: 0...708, using: &random)
        #expect(ulps(kernelExponential(x), expLong(x)) <= 1.5)
        let y = Double.random(in: -60...40, using: &random)
        #expect(ulps(kernelLogarithm(onePlus: exp2Long(y)), log1pLong(exp2Long(y))) <= 1.5)
      }
    }
  }
#endif
