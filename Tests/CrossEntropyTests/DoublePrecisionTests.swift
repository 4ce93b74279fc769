import Foundation
import TestSupport
import Testing

@testable import CrossEntropy

#if arch(x86_64)
  @Suite("f64 logits, against 80-bit arithmetic")
  struct DoublePrecisionTests {
    private static let promised = 4.0
    private static let classCounts =
      Array(1...40) + [63, 64, 65, 100, 191, 192, 193, 1000, 2047, 2048, 2049, 50257, 70_000]

    /// The largest error of any kernel.
    private func worst(_ row: [Double], label: Int) -> Double {
      let exact = exactLoss(row, label: label)
      return kernels.map { ulps(computedLosses([row], labels: [label], kernel: $0)[0], exact) }.max() ?? 0
    }

    private func row(_ count: Int, offset: Double, spread: Double, _ random: inout SplitMix64) -> [Double] {
      (0..<count).map { _ in offset + Double.random(in: -spread...spread, using: &random) }
    }

    @Test("losses are within the promise", arguments: [0, 100, -1e4, 1e6, -1e9], [0.1, 5, 50])
    func sweep(offset: Double, spread: Double) {
      var random = SplitMix64(seed: offset.bitPattern ^ spread.bitPattern)
      for classCount in Self.classCounts {
        for _ in 0..<(classCount < 100 ? 20 : 1) {
          let row = row(classCount, offset: offset, spread: spread, &random)
          let top = row.indices.max { row[$0] < row[$1] }!
          #expect(worst(row, label: Int.random(in: 0..<classCount, using: &random)) <= Self.promised)
          #expect(worst(row, label: top) <= Self.promised, "\(classCount) classes, label at the top")
        }
      }
    }

    @Test("wide rows whose label leads are within 3 ulp", arguments: [193, 300, 1000, 2048, 5000])
    func leads(classCount: Int) {
      var random = SplitMix64(seed: UInt64(classCount))
      let rows = (0..<1_000_000 / classCount).map { _ in
        let scale = Double.random(in: 1...20, using: &random)
        return (0..<classCount).map { _ in -scale * log(Double.random(in: 0x1p-53...1, using: &random)) }
      }
      let labels = rows.map { row in row.indices.max { row[$0] < row[$1] }! }
      let exact = zip(rows, labels).map { exactLoss($0, label: $1) }
      for kernel in kernels {
        let losses = computedLosses(rows, labels: labels, kernel: kernel)
        let worst = zip(losses, exact).map { ulps($0, $1) }.max() ?? 0
        #expect(worst <= 3, "\(kernel.name), \(classCount) classes")
      }
    }

    @Test("confident rows keep their tiny losses, also where all others tie")
    func confident() {
      for classCount in [2, 10, 65, 193, 1000, 2049, 50257] {
        for gap in stride(from: 1.0, through: 600, by: 37) {
          var row = [Double](repeating: -gap, count: classCount)
          row[classCount / 2] = 3.3
          #expect(worst(row, label: classCount / 2) <= Self.promised, "\(classCount) classes, gap \(gap)")
        }
      }
    }

    @Test("special values are seen wherever they stand", arguments: [1, 2, 16, 17, 64, 192, 2050])
    func special(classCount: Int) {
      for place in Set([0, classCount / 2, classCount - 1]) {
        var row = [Double](repeating: 0, count: classCount)
        row[place] = .nan
        #expect(computedLosses([row], labels: [0], kernel: .best)[0].isNaN)
        row[place] = .infinity
        #expect(computedLosses([row], labels: [0], kernel: .best)[0].isNaN)
        row[place] = -.infinity
        let loss = computedLosses([row], labels: [place], kernel: .best)[0]
        #expect(classCount == 1 ? loss.isNaN : loss == .infinity)
      }
    }

    @Test("a row's loss does not depend on the rows beside it, ordinary ones and such as lanes cannot hold")
    func neighbours() {
      var random = SplitMix64(seed: 17)
      for classCount in Array(1...20) + [63, 64, 65, 191, 192, 193] {
        var rows = (0..<37).map { index in
          row(classCount, offset: [0, -3e5, 1e6, -1e9][index % 4], spread: [0.1, 5, 600][index % 3], &random)
        }
        rows[3][classCount / 2] = .nan
        rows[8][0] = .infinity
        rows[20] = Array(repeating: -.infinity, count: classCount)
        rows[21][classCount - 1] = -.infinity
        let labels = rows.map { _ in Int.random(in: 0..<classCount, using: &random) }
        for kernel in kernels {
          let together = computedLosses(rows, labels: labels, kernel: kernel)
          for (index, loss) in together.enumerated() {
            let alone = computedLosses([rows[index]], labels: [labels[index]], kernel: kernel)[0]
            #expect(
              loss.bitPattern == alone.bitPattern || loss.isNaN && alone.isNaN,
              "\(kernel.name), \(classCount) classes, row \(index): \(loss) beside others, \(alone) alone")
            if loss.isFinite { #expect(ulps(loss, exactLoss(rows[index], label: labels[index])) <= Self.promised) }
          }
        }
      }
    }

    @Test("the fused kernels give the same bits, with any number of workers", arguments: [3, 1000, 70_000])
    func sameBits(classCount: Int) {
      var random = SplitMix64(seed: 5)
      let rows = (0..<9).map { _ in row(classCount, offset: 0, spread: 9, &random) }
      let labels = rows.map { _ in Int.random(in: 0..<classCount, using: &random) }
      let fused = kernels.filter { $0.name != "baseline" }
      let expected = fused.first.map { computedLosses(rows, labels: labels, kernel: $0) }
      for kernel in fused {
        for workerCount in [1, 3] {
          #expect(computedLosses(rows, labels: labels, kernel: kernel, workerCount: workerCount) == expected)
        }
      }
    }
  }
#endif
