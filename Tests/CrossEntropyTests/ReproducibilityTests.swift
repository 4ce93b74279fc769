import Glibc
import TestSupport
import Testing

@testable import CrossEntropy

@Suite("The same bits")
struct ReproducibilityTests {
  private func bits(_ losses: [Float]) -> [UInt32] { losses.map(\.bitPattern) }

  @Test(
    "a row has the same bits alone, in a batch, and with any number of workers",
    arguments: [1, 7, 64, 192, 2048, 3000, 70_000])
  func batches(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let count = classCount > 10_000 ? 7 : classCount > 1000 ? 300 : 3000
    let rows = (0..<count).map { _ in random.floats(count: classCount, spread: 4) }
    let labels = rows.map { _ in Int.random(in: 0..<classCount, using: &random) }
    let expected = compute(rows, labels: labels.map { Int64($0) })
    for workerCount in [2, 3, 7] {
      let answers = compute(rows, labels: labels.map { Int64($0) }, workerCount: workerCount)
      #expect(bits(answers.losses) == bits(expected.losses))
      #expect(answers.figures.sum == expected.figures.sum && answers.figures.mean == expected.figures.mean)
    }
    for row in rows.indices.prefix(50) {
      #expect(bits(computedLosses([rows[row]], labels: [labels[row]])) == bits([expected.losses[row]]))
    }
  }

  @Test(
    "a row that is cut has the same bits whoever finishes it, whatever is summed over its classes",
    arguments: [65_537, 70_000, 200_000])
  func cutRows(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let rows = (0..<9).map { _ in random.floats(count: classCount, spread: 4) }
    let labels = rows.map { _ in Int64.random(in: 0..<Int64(classCount), using: &random) }
    let shares = rows.flatMap { _ in
      let weights = (0..<classCount).map { _ in Double.random(in: 0..<1, using: &random) }
      let sum = weights.reduce(0, +)
      return weights.map { Float($0 / sum) }
    }
    func answers(_ workerCount: Int) -> [Answers] {
      [
        compute(rows, labels: labels, workerCount: workerCount) {
          $0.labelSmoothing = 0.1
          $0.topK = 5
        },
        compute(rows, labels: shares, layout: .probabilities(.f32), workerCount: workerCount) { $0.zLoss = 0.001 },
      ]
    }
    let expected = answers(1)
    #expect(expected.allSatisfy { $0.verdicts.allSatisfy { $0 == RowVerdict.ok.rawValue } })
    for workerCount in [2, 3, 7, 2, 2, 2] {
      for (one, other) in zip(answers(workerCount), expected) {
        #expect(bits(one.losses) == bits(other.losses) && one.predictions == other.predictions)
        #expect(one.figures.sum == other.figures.sum && one.figures.zSum == other.figures.zSum)
        #expect(one.figures.correctCount == other.figures.correctCount)
        #expect(one.figures.topKCorrectCount == other.figures.topKCorrectCount)
      }
    }
  }

  @Test(
    "one-hot labels have the bits of integer labels, in every type",
    arguments: [1, 3, 16, 63, 64, 65, 192, 193, 200, 70_000])
  func oneHot(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    let rows = (0..<5).map { _ in random.floats(count: classCount, spread: 4) }
    let labels = [0, classCount - 1] + (0..<3).map { _ in Int.random(in: 0..<classCount, using: &random) }
    let expected = bits(computedLosses(rows, labels: labels))
    func matrix<Element>(_ one: Element, _ zero: Element) -> [Element] {
      labels.flatMap { label in (0..<classCount).map { $0 == label ? one : zero } }
    }
    #expect(bits(compute(rows, labels: matrix(UInt8(1), 0), layout: .oneHot(.u8), workerCount: 2).losses) == expected)
    #expect(bits(compute(rows, labels: matrix(UInt16(0x3c00), 0), layout: .oneHot(.f16)).losses) == expected)
    #expect(bits(compute(rows, labels: matrix(UInt16(0x3f80), 0x8000), layout: .oneHot(.bf16)).losses) == expected)
    #expect(
      bits(compute(rows, labels: matrix(Float(1), -0.0), layout: .oneHot(.f32), workerCount: 2).losses) == expected)
    #expect(bits(compute(rows, labels: matrix(Double(1), 0), layout: .oneHot(.f64)).losses) == expected)
  }

  @Test(
    "one-hot labels with anything else among them are told, wherever it stands",
    arguments: [2, 9, 64, 65, 79, 80, 81, 127, 130, 191])
  func notOneHot(classCount: Int) {
    let row = [Float](repeating: 0, count: classCount)
    for place in 0..<classCount {
      var labels = [Float](repeating: 0, count: classCount)
      labels[0] = 1
      labels[place] = place == 0 ? 2 : 1
      #expect(compute([row], labels: labels, layout: .oneHot(.f32)).verdicts == [RowVerdict.notOneHot.rawValue])
      labels[place] = .leastNonzeroMagnitude
      #expect(compute([row], labels: labels, layout: .oneHot(.f32)).verdicts == [RowVerdict.notOneHot.rawValue])
    }
  }

  @Test(
    "the one is found wherever it stands, and a second one too, in every type",
    arguments: [2, 15, 16, 17, 63, 64, 65, 79, 80, 81, 127, 128, 129, 143, 144, 191])
  func oneAnywhere(classCount: Int) {
    let row = (0..<classCount).map { Float($0) * 0.03 }
    func check<Element>(_ one: Element, _ zero: Element, _ type: OneHotLabelType) {
      for place in 0..<classCount {
        var labels = [Element](repeating: zero, count: classCount)
        labels[place] = one
        let expected = bits(computedLosses([row], labels: [place]))
        #expect(bits(compute([row], labels: labels, layout: .oneHot(type)).losses) == expected)
        labels[(place + 1 + classCount / 3) % classCount] = one
        let isAlone = (place + 1 + classCount / 3) % classCount == place
        let verdict = isAlone ? RowVerdict.ok : .notOneHot
        #expect(compute([row], labels: labels, layout: .oneHot(type)).verdicts == [verdict.rawValue])
      }
    }
    check(UInt8(1), 0, .u8)
    check(UInt16(0x3c00), 0x8000, .f16)
    check(UInt16(0x3f80), 0, .bf16)
    check(Float(1), 0, .f32)
    check(Double(1), -0.0, .f64)
  }

  @Test(
    "a NaN is seen in every lane of every vector, the last ones too",
    arguments: [1, 2, 15, 16, 17, 31, 33, 64, 192, 193, 250, 2050])
  func everyLane(classCount: Int) {
    for place in Set(Array(0..<min(classCount, 260)) + [classCount - 1]) {
      var row = [Float](repeating: 1, count: classCount)
      row[place] = .nan
      let answers = compute([row], labels: [Int64(0)])
      #expect(answers.verdicts == [RowVerdict.nanLogit.rawValue] && answers.predictions == [Int32(place)])
      #expect(answers.losses[0].isNaN)
    }
  }

  @Test(
    "whole blocks of -infinity add exactly nothing",
    arguments: [0, 300, -300, 1e4, -1e4, 1e6, -1e6, -712, -714, -716, -718, -720])
  func maskedBlocks(offset: Double) {
    var random = SplitMix64(seed: 3)
    let live = random.floats(count: 100, offset: offset, spread: 3)
    for masked in [1, 100, 2048, 5000] {
      let mask = [Float](repeating: -.infinity, count: masked)
      // The same lanes: a mask in front is as long as a block or nothing.
      #expect(bits(computedLosses([live + mask], labels: [3])) == bits(computedLosses([live], labels: [3])))
    }
    let front = [Float](repeating: -.infinity, count: 4096) + live
    #expect(bits(computedLosses([front], labels: [4096 + 3])) == bits(computedLosses([live], labels: [3])))
  }

  @Test(
    "a row whose other exponentials only doubles hold has the same bits beside others as alone, capped or not",
    arguments: [5, 65, 100, 192, 193, 1000, 2048, 3000])
  func tinySumsBesideOthers(classCount: Int) {
    var random = SplitMix64(seed: UInt64(classCount))
    // Every third row is confident by 400, and 2^-190 is e^-132.
    let rows = (0..<17).map { row in
      var logits = random.floats(count: classCount, offset: 0, spread: 3)
      if row % 3 == 0 { logits[row % classCount] = 400 }
      return logits
    }
    let labels = (0..<17).map { $0 % classCount }
    for kernel in kernels {
      for cap: Float in [0, 1000] {
        let together = computedDoubleLosses(rows, labels: labels, kernel: kernel) { $0.softcap = cap }
        let alone = zip(rows, labels).flatMap { row, label in
          computedDoubleLosses([row], labels: [label], kernel: kernel) { $0.softcap = cap }
        }
        #expect(together.map(\.bitPattern) == alone.map(\.bitPattern), "\(kernel.name), softcap \(cap)")
        #expect(together[0] > 0 && together[0] < 1e-100, "\(kernel.name), softcap \(cap)")
      }
    }
  }

  @Test(
    "nothing is read outside the rows, at either end of memory that ends there, whatever their type",
    arguments: Array(1...260) + [2047, 2048, 2049])
  func guardPages(classCount: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let length = (17 * classCount * 8 + page - 1) / page * page
    let memory = mmap(nil, length + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    defer { munmap(memory, length + 2 * page) }
    mprotect(memory + page, length, PROT_READ | PROT_WRITE)
    for kernel in kernels {
      for rowCount in [1, 2, 17] {
        touch(memory + page, length: length, rowCount: rowCount, classCount: classCount, kernel: kernel)
      }
    }
  }

  /// Computes rows of zeros of every type, and labels, that start where memory does, and that end where it does.
  private func touch(
    _ memory: UnsafeMutableRawPointer, length: Int, rowCount: Int, classCount: Int, kernel: Kernel
  ) {
    let round = Round(workerCount: 1, kernel: kernel)
    let oneHotTypes: [LogitType: OneHotLabelType] = [.f32: .f32, .f16: .f16, .bf16: .u8, .f64: .f64]
    var options = LossOptions()
    options.labelSmoothing = 0.1
    options.softcap = 30
    options.topK = 2
    for (logitType, oneHotType) in oneHotTypes {
      let count = rowCount * classCount
      let logitsAtEnd = length - count * logitType.byteCount
      let layouts: [(LabelLayout, atEnd: Int)] = [
        (.integers(.u8), length - rowCount), (.oneHot(oneHotType), length - count * oneHotType.elementByteCount),
        (.probabilities(logitType), logitsAtEnd),
      ]
      for (layout, labelsAtEnd) in layouts {
        for (logits, labels) in [(0, 0), (logitsAtEnd, labelsAtEnd)] {
          round.removeAll()
          for options in [LossOptions(), options] {
            _ = round.add(
              LossBatch(
                rowCount: rowCount, classCount: classCount, logits: memory + logits, logitType: logitType,
                labels: memory + labels, labelLayout: layout, options: options))
          }
          round.compute()
        }
      }
    }
  }
}
