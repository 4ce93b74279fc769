import TestSupport
import Testing

@testable import CrossEntropy

@Suite("Figures")
struct FiguresTests {
  @Test("a sum is exact to one unit in the last place, in any order")
  func exactSum() {
    var random = SplitMix64(seed: 4)
    var terms: [Double] = []
    for _ in 0..<10_000 {
      let magnitude = Int.random(in: -60...60, using: &random)
      terms.append(Double.random(in: 0...1, using: &random) * Double(sign: .plus, exponent: magnitude, significand: 1))
    }
    #if arch(x86_64)
      let exact = terms.sorted().reduce(Float80(0)) { $0 + Float80($1) }
    #else
      let exact = terms.sorted().reduce(0, +)
    #endif
    for _ in 0..<5 {
      terms.shuffle(using: &random)
      var parts = Array(repeating: ExactSum(), count: 7)
      for (index, term) in terms.enumerated() { parts[index % 7].add(term) }
      var sum = ExactSum()
      for part in parts { sum.merge(part) }
      #expect(abs(Double(exact) - sum.value) <= sum.value.ulp)
    }
  }

  @Test("infinities and NaN go through a sum as they do through additions")
  func specialTerms() {
    func sum(_ terms: [Double]) -> Double {
      var (first, second) = (ExactSum(), ExactSum())
      for term in terms.prefix(1) { first.add(term) }
      for term in terms.dropFirst() { second.add(term) }
      first.merge(second)
      return first.value
    }
    #expect(sum([1, .infinity, 2]) == .infinity)
    #expect(sum([.infinity, 3]) == .infinity)
    #expect(sum([1, .nan]).isNaN)
    #expect(sum([.infinity, -.infinity]).isNaN)
    #expect(sum([.greatestFiniteMagnitude, .greatestFiniteMagnitude]) == .infinity)
  }

  @Test(
    "every tile's rows are counted once, whatever the shape",
    arguments: [(1, 1), (100_000, 1), (70_000, 10), (3, 70_000), (131, 2049)])
  func tiles(rowCount: Int, classCount: Int) {
    let tiling = Tiling(rowCount: rowCount, classCount: classCount)
    var covered = 0
    for index in 0..<tiling.tileCount {
      switch tiling[index] {
      case .rows(let rows):
        #expect(rows.lowerBound == covered)
        covered = rows.upperBound
      case .blocks(let blocks, let row):
        #expect(row * tiling.blockCount + blocks.lowerBound == covered)
        covered = row * tiling.blockCount + blocks.upperBound
      }
    }
    #expect(covered == (tiling.cutsRows ? rowCount * tiling.blockCount : rowCount))
  }

  @Test("ignored rows, and rows of weight 0, add nothing; the first bad row is kept")
  func counting() {
    let rows: [[Float]] = [[0, 1], [0, 1], [.nan, 1], [0, 1], [1, 0]]
    let labels: [Int64] = [0, -1, 0, 7, 0]
    let weights: [Float] = [2, 1, 0, 1, 1]
    let answers = weights.withUnsafeBytes { weights in
      compute(rows, labels: labels) { options in
        options.ignoreIndex = -1
        options.sampleWeights = weights.baseAddress
      }
    }
    let figures = answers.figures
    #expect(figures.countedCount == 4 && figures.ignoredCount == 1 && figures.invalidCount == 1)
    #expect(figures.notFiniteCount == 2 && figures.correctCount == 1)
    #expect(figures.firstBadRow == Figures.BadRow(row: 2, verdict: .nanLogit))
    #expect(figures.sum.isNaN && figures.weight == 3 && figures.finiteWeight == 3)
    #expect(abs(figures.finiteSum - (2 * 1.3132616875 + 0.3132616875)) < 1e-6)
    #expect(answers.verdicts == [0, 1, 16, 2, 0])
  }
}
