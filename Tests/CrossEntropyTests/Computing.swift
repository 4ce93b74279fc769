import Glibc

@testable import CrossEntropy
@testable import CrossEntropyKernels

/// The kernels that this machine can run.
let kernels = Kernel.all.filter(\.isSupported)

/// A batch of rows with integer labels, computed; each row's loss in f32.
func computedLosses(_ rows: [[Float]], labels: [Int], kernel: Kernel = .best) -> [Float] {
  compute(rows, labels: labels.map { Int64($0) }, kernel: kernel).losses
}

/// A batch of rows of 16-bit logits, computed; each row's loss in f32.
func computedLosses(_ rows: [[UInt16]], type: LogitType, labels: [Int], kernel: Kernel) -> [Float] {
  let round = Round(workerCount: 1, kernel: kernel)
  var losses = [Float](repeating: -1, count: rows.count)
  Array(rows.joined()).withUnsafeBytes { logits in
    labels.map { Int64($0) }.withUnsafeBytes { labels in
      losses.withUnsafeMutableBytes { losses in
        var batch = LossBatch(
          rowCount: rows.count, classCount: rows[0].count, logits: logits.baseAddress!, logitType: type,
          labels: labels.baseAddress!, labelLayout: .integers(.i64))
        batch.outputs.losses = losses.baseAddress
        _ = round.add(batch)
        round.compute()
      }
    }
  }
  return losses
}

/// A batch of rows of f64 logits, computed; each row's loss in f64.
func computedLosses(_ rows: [[Double]], labels: [Int], kernel: Kernel, workerCount: Int = 1) -> [Double] {
  let round = Round(workerCount: workerCount, kernel: kernel)
  var losses = [Double](repeating: -1, count: rows.count)
  Array(rows.joined()).withUnsafeBytes { logits in
    labels.map { Int64($0) }.withUnsafeBytes { labels in
      losses.withUnsafeMutableBytes { losses in
        var batch = LossBatch(
          rowCount: rows.count, classCount: rows[0].count, logits: logits.baseAddress!, logitType: .f64,
          labels: labels.baseAddress!, labelLayout: .integers(.i64))
        batch.outputs.losses = losses.baseAddress
        batch.outputs.isFloat64 = true
        _ = round.add(batch)
        round.pool.run { round.compute() }
      }
    }
  }
  return losses
}

/// A batch of rows of f32 logits, computed; each row's loss in f64.
func computedDoubleLosses(
  _ rows: [[Float]], labels: [Int], kernel: Kernel, options: (inout LossOptions) -> Void = { _ in }
) -> [Double] {
  let round = Round(workerCount: 1, kernel: kernel)
  var losses = [Double](repeating: -1, count: rows.count)
  Array(rows.joined()).withUnsafeBytes { logits in
    labels.map { Int64($0) }.withUnsafeBytes { labels in
      losses.withUnsafeMutableBytes { losses in
        var batch = LossBatch(
          rowCount: rows.count, classCount: rows[0].count, logits: logits.baseAddress!, labels: labels.baseAddress!,
          labelLayout: .integers(.i64))
        options(&batch.options)
        batch.outputs.losses = losses.baseAddress
        batch.outputs.isFloat64 = true
        _ = round.add(batch)
        round.compute()
      }
    }
  }
  return losses
}

/// The answers of one batch.
struct Answers {
  var losses: [Float]
  var verdicts: [UInt8]
  var predictions: [Int32]
  var figures: Figures
}

/// Computes a batch in a round of its own.
/// - Parameter predicts: whether predictions are asked for; else they stay -1.
func compute<Label>(
  _ rows: [[Float]], labels: [Label], layout: LabelLayout = .integers(.i64), kernel: Kernel = .best,
  workerCount: Int = 1, predicts: Bool = true, options: (inout LossOptions) -> Void = { _ in }
) -> Answers {
  let round = Round(workerCount: workerCount, kernel: kernel)
  let count = rows.count
  var answers = Answers(
    losses: Array(repeating: -1, count: count), verdicts: Array(repeating: 255, count: count),
    predictions: Array(repeating: -1, count: count), figures: Figures())
  let logits = Array(rows.joined())
  logits.withUnsafeBytes { logits in
    labels.withUnsafeBytes { labels in
      answers.losses.withUnsafeMutableBytes { losses in
        answers.verdicts.withUnsafeMutableBytes { verdicts in
          answers.predictions.withUnsafeMutableBytes { predictions in
            var batch = LossBatch(
              rowCount: count, classCount: rows.first?.count ?? 1, logits: logits.baseAddress!,
              labels: labels.baseAddress!, labelLayout: layout)
            options(&batch.options)
            batch.outputs.losses = losses.baseAddress
            batch.outputs.verdicts = verdicts.baseAddress
            if predicts { batch.outputs.predictions = predictions.baseAddress }
            let place = round.add(batch)
            round.pool.run { round.compute() }
            answers.figures = round.figures(ofBatch: place)
          }
        }
      }
    }
  }
  return answers
}

func kernelExponential(_ x: Double) -> Double {
  CrossEntropyKernels.scaled(
    SIMD16(repeating: 1), byExponentialsOf: SIMD16(repeating: x), low: SIMD16(repeating: 0)
  ).products[0]
}

func kernelLogarithm(onePlus x: Double) -> Double { CrossEntropyKernels.logarithm(onePlus: x, low: 0) }

#if arch(x86_64)
  func expLong(_ x: Double) -> Float80 { expl(Float80(x)) }

  func exp2Long(_ x: Double) -> Double { exp2(x) }

  func log1pLong(_ x: Double) -> Float80 { log1pl(Float80(x)) }
#endif
