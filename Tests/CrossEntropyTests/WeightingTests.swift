import TestSupport
import Testing

@testable import CrossEntropy

@Suite("What rows weigh")
struct WeightingTests {
  /// Rows of five classes, with labels, weights of which some are bad or 0, and class weights of which one is 0.
  private struct Rows {
    var logits: [[Float]] = []
    var labels: [Int64] = []
    var sampleWeights: [Float] = []
    let classWeights: [Float] = [0.5, 0, 2, 1, 3.25]
    let zLoss: Float = 0.01

    init(count: Int, using random: inout SplitMix64) {
      let bad: [Float] = [-0.5, .nan, .infinity, 0]
      for _ in 0..<count {
        logits.append(random.floats(count: 5, spread: 4))
        labels.append(Int64.random(in: -1...5, using: &random))
        let isBad = Int.random(in: 0..<6, using: &random) == 0
        sampleWeights.append(isBad ? bad.randomElement(using: &random)! : .random(in: 0...2, using: &random))
      }
    }

    func answers(_ range: Range<Int>, kernel: Kernel) -> Answers {
      sampleWeights[range].withUnsafeBytes { sampleWeights in
        classWeights.withUnsafeBytes { classWeights in
          compute(Array(logits[range]), labels: Array(labels[range]), kernel: kernel) { options in
            options.sampleWeights = sampleWeights.baseAddress
            options.classWeights = classWeights.baseAddress
            options.zLoss = zLoss
          }
        }
      }
    }
  }

  @Test("a row has the loss and verdict that it has alone, and the figures are the sums of all", arguments: 1...50)
  func together(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let rows = Rows(count: count, using: &random)
    for kernel in kernels {
      let together = rows.answers(0..<count, kernel: kernel)
      let alone = (0..<count).map { rows.answers($0..<$0 + 1, kernel: kernel) }
      #expect(together.losses.map(\.bitPattern) == alone.map { $0.losses[0].bitPattern })
      #expect(together.verdicts == alone.map { $0.verdicts[0] })
      func isClose(_ figure: (Figures) -> Double) -> Bool {
        let (value, sum) = (figure(together.figures), alone.reduce(0) { $0 + figure($1.figures) })
        return value.isNaN ? sum.isNaN : abs(value - sum) <= 1e-14 * sum
      }
      #expect(isClose(\.sum) && isClose(\.weight) && isClose(\.finiteSum) && isClose(\.finiteWeight) && isClose(\.zSum))
      #expect(together.figures.invalidCount == alone.reduce(0) { $0 + $1.figures.invalidCount })
    }
  }

  #if arch(x86_64)
    @Test("a row's loss is its class's weight times the cross-entropy, and the z-loss", arguments: [1, 15, 16, 17, 40])
    func exact(count: Int) {
      var random = SplitMix64(seed: UInt64(100 + count))
      let rows = Rows(count: count, using: &random)
      for kernel in kernels {
        let answers = rows.answers(0..<count, kernel: kernel)
        var (sum, weight) = (Float80(0), Float80(0))
        for (row, label) in rows.labels.enumerated() {
          let sampleWeight = rows.sampleWeights[row]
          guard (0..<5).contains(label), sampleWeight >= 0, sampleWeight.isFinite else {
            #expect(answers.losses[row].isNaN)
            continue
          }
          let classWeight = rows.classWeights[Int(label)]
          let loss = exactLoss(rows.logits[row], label: Int(label))
          let logSumExp = loss + Float80(rows.logits[row][Int(label)])
          let exact = Float80(classWeight) * loss + Float80(rows.zLoss) * logSumExp * logSumExp
          #expect(ulps(answers.losses[row], exact) <= 2.5)
          sum += Float80(sampleWeight) * exact
          weight += Float80(sampleWeight) * Float80(classWeight)
        }
        #expect(abs(Float80(answers.figures.finiteSum) - sum) <= 1e-6 * sum)
        #expect(abs(Float80(answers.figures.finiteWeight) - weight) <= 1e-14 * weight)
      }
    }
  #endif
}
