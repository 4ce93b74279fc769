import Glibc

/// Whether a kernel keeps its promises on this machine: checked in seconds, for who has a machine that its makers have not.
package struct KernelCheck {
  /// What one check found.
  package struct Finding: Sendable {
    package let name: String
    package let isGood: Bool
    package let detail: String
  }

  private let kernel: Kernel

  package init(_ kernel: Kernel) { self.kernel = kernel }

  package func run() -> [Finding] { [accuracy, doubleAccuracy, sameBits, knownBits, knownAnswers] }

  // MARK: Checks

  private static let classCounts = Array(1...70) + [191, 192, 193, 1000, 2047, 2048, 2049, 5000, 70_001]
  private static let offsets: [Float] = [0, 100, -100, 10_000, -10_000, 1_000_000]

  /// The distance of f32 losses from those of the C library's double-precision functions.
  private var accuracy: Finding {
    let promised = kernel.fusesMultiplyAdds ? 1.5 : 2.5
    var worst = (ulps: 0.0, classCount: 0)
    var rowCount = 0
    for classCount in Self.classCounts {
      for offset in Self.offsets {
        let data = CheckData(classCount: classCount, offset: offset)
        let losses = losses(data)
        rowCount += losses.count
        for (row, loss) in losses.enumerated() {
          let distance = ulps(Float(loss), data.exactLoss(row))
          if !(distance <= worst.ulps) { worst = (distance, classCount) }
        }
      }
    }
    return Finding(
      name: "accuracy of f32", isGood: worst.ulps <= promised,
      detail: "\(rowCount) rows, the worst \(hundredths(worst.ulps)) ulp off with \(worst.classCount) classes "
        + "(promised: \(promised))")
  }

  private var doubleAccuracy: Finding {
    var worst = 0.0
    for classCount in [1, 2, 10, 65, 193, 2049, 5000] {
      let data = CheckData(classCount: classCount, offset: 0)
      for (row, loss) in losses(data, type: .f64).enumerated() {
        let exact = data.exactLoss(row)
        worst = max(worst, abs(loss - exact) / exact.ulp)
      }
    }
    // The C library's own sum is a few units off.
    return Finding(
      name: "accuracy of f64", isGood: worst <= 16,
      detail: "the worst row \(hundredths(worst)) ulp from the C library's answer (at most 16)")
  }

  /// Workers, address and place in the batch change no bit.
  private var sameBits: Finding {
    for classCount in [1, 2, 10, 65, 192, 193, 3000, 70_001] {
      let data = CheckData(classCount: classCount, offset: 3)
      let expected = losses(data)
      for workerCount in [2, 3, 7] where losses(data, workerCount: workerCount) != expected {
        return Finding(
          name: "same bits", isGood: false, detail: "\(workerCount) workers differ with \(classCount) classes")
      }
      for shift in 1..<16 where losses(data, shift: shift) != expected {
        return Finding(
          name: "same bits", isGood: false, detail: "at address 64 n + \(shift) they differ with \(classCount) classes")
      }
      for row in expected.indices where losses(data, rows: row..<row + 1) != [expected[row]] {
        return Finding(name: "same bits", isGood: false, detail: "row \(row) alone differs with \(classCount) classes")
      }
    }
    return Finding(name: "same bits", isGood: true, detail: "with 1, 2, 3 and 7 workers, at any address, in any batch")
  }

  /// The bits that every kernel with fused multiply-adds gives, whatever the machine.
  private var knownBits: Finding {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for classCount in Self.classCounts {
      for loss in losses(CheckData(classCount: classCount, offset: 0)) {
        hash = (hash ^ UInt64(Float(loss).bitPattern)) &* 0x0000_0100_0000_01b3
      }
    }
    let known = Self.knownHash
    let words = "\(String(hash, radix: 16)), known \(String(known, radix: 16))"
    guard kernel.fusesMultiplyAdds else {
      return Finding(name: "known bits", isGood: true, detail: "not asked of a kernel without fused multiply-adds")
    }
    return Finding(name: "known bits", isGood: hash == known, detail: words)
  }

  private static let knownHash: UInt64 = 0xbe3c_537c_4423_a10b

  /// The same of all that can be asked.
  private var knownAnswers: Finding {
    let name = "known bits of every type and option"
    guard kernel.fusesMultiplyAdds else {
      return Finding(name: name, isGood: true, detail: "not asked of a kernel without fused multiply-adds")
    }
    let (answers, known) = (AnswerBits(kernel), AnswerBits.known)
    return Finding(
      name: name, isGood: answers.hash == known,
      detail: "\(String(answers.hash, radix: 16)) of \(answers.batchCount) batches, known \(String(known, radix: 16))")
  }

  // MARK: Computing

  private func losses(
    _ data: CheckData, type: LogitType = .f32, workerCount: Int = 1, shift: Int = 0, rows: Range<Int>? = nil
  ) -> [Double] {
    let rows = rows ?? 0..<data.labels.count
    let logits = data.logits[rows.lowerBound * data.classCount..<rows.upperBound * data.classCount]
    let byteCount = logits.count * type.byteCount
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount + shift, alignment: 64)
    defer { memory.deallocate() }
    for (index, logit) in logits.enumerated() {
      let offset = shift + index * type.byteCount
      if type == .f64 {
        (memory + offset).copyMemory(from: [Double(logit)], byteCount: 8)
      } else {
        (memory + offset).copyMemory(from: [logit], byteCount: 4)
      }
    }
    var results = [Double](repeating: -1, count: rows.count)
    let round = Round(workerCount: workerCount, kernel: kernel)
    Array(data.labels[rows]).withUnsafeBytes { labels in
      results.withUnsafeMutableBytes { results in
        var batch = LossBatch(
          rowCount: rows.count, classCount: data.classCount, logits: memory + shift, logitType: type,
          labels: labels.baseAddress!, labelLayout: .integers(.i64))
        batch.outputs.losses = results.baseAddress
        batch.outputs.isFloat64 = true
        _ = round.add(batch)
        round.pool.run { round.compute() }
      }
    }
    return results
  }

  private func ulps(_ value: Float, _ exact: Double) -> Double {
    abs(Double(value) - exact) / Double(Float(exact).ulp)
  }

  private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
