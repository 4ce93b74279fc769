import CKernelShims

/// What a kernel answers for each type of logits, layout of labels and option of the loss, brought to one number: every
/// kernel with fused multiply-adds gives the same, whatever the machine.
struct AnswerBits {
  static let known: UInt64 = 0x5861_135b_e4e6_9b29

  /// FNV-1a over words.
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var batchCount = 0
  private let round: Round

  private static let classCounts = [1, 2, 10, 17, 65, 192, 193, 1000, 2049, 70_001]
  private static let layouts: [LabelLayout] = [
    .integers(.u8), .integers(.u16), .integers(.u32), .integers(.i32), .integers(.i64), .oneHot(.u8), .oneHot(.f16),
    .oneHot(.bf16), .oneHot(.f32), .oneHot(.f64), .probabilities(.f16), .probabilities(.bf16), .probabilities(.f32),
    .probabilities(.f64),
  ]

  init(_ kernel: Kernel) {
    round = Round(workerCount: 1, kernel: kernel)
    for classCount in Self.classCounts {
      let rows = CheckRows(classCount: classCount)
      for type in LogitType.allCases {
        for layout in Self.layouts { add(rows, type, layout) { _ in } }
        for layout in [LabelLayout.integers(.i64), .probabilities(.f32)] { addOptions(rows, type, layout) }
      }
    }
  }

  private mutating func addOptions(_ rows: CheckRows, _ type: LogitType, _ layout: LabelLayout) {
    add(rows, type, layout) { $0.labelSmoothing = 0.1 }
    add(rows, type, layout) { $0.temperature = 0.7 }
    add(rows, type, layout) { $0.softcap = 30 }
    add(rows, type, layout) { $0.topK = max(1, rows.classCount / 2) }
    add(rows, type, layout) { $0.zLoss = 1e-3 }
    add(rows, type, layout) { $0.ignoreIndex = 1 }
    rows.sampleWeights.withUnsafeBytes { weights in
      add(rows, type, layout) { $0.sampleWeights = weights.baseAddress }
    }
    rows.classWeights.withUnsafeBytes { weights in
      add(rows, type, layout) { $0.classWeights = weights.baseAddress }
      add(rows, type, layout) {
        $0.classWeights = weights.baseAddress
        $0.labelSmoothing = 0.1
      }
    }
  }

  private mutating func add(
    _ rows: CheckRows, _ type: LogitType, _ layout: LabelLayout, _ choose: (inout LossOptions) -> Void
  ) {
    var options = LossOptions()
    choose(&options)
    // An answer is 4 or 8 bytes of the loss, as many of the log-sum-exp, the prediction and the verdict.
    let isFloat64 = batchCount % 2 == 0
    let (floatByteCount, count) = (isFloat64 ? 8 : 4, rows.count)
    var answers = [UInt8](repeating: 0, count: count * (2 * floatByteCount + 5))
    rows.logits(as: type).withUnsafeBytes { logits in
      rows.labels(as: layout).withUnsafeBytes { labels in
        answers.withUnsafeMutableBytes { answers in
          var outputs = LossOutputs()
          outputs.isFloat64 = isFloat64
          outputs.losses = answers.baseAddress!
          outputs.logSumExps = answers.baseAddress! + count * floatByteCount
          outputs.predictions = answers.baseAddress! + 2 * count * floatByteCount
          outputs.verdicts = answers.baseAddress! + count * (2 * floatByteCount + 4)
          compute(
            LossBatch(
              rowCount: count, classCount: rows.classCount, logits: logits.baseAddress!, logitType: type,
              labels: labels.baseAddress!, labelLayout: layout, options: options, outputs: outputs))
        }
      }
    }
    for byte in answers { note(UInt64(byte)) }
  }

  private mutating func compute(_ batch: LossBatch) {
    round.removeAll()
    let place = round.add(batch)
    round.compute()
    let figures = round.figures(ofBatch: place)
    for figure in [figures.sum, figures.weight, figures.finiteSum, figures.finiteWeight, figures.zSum] {
      note(figure.bitPattern)
    }
    for count in [figures.notFiniteCount, figures.correctCount, figures.topKCorrectCount] { note(UInt64(count)) }
    batchCount += 1
  }

  private mutating func note(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01b3 }
}

/// Rows of every kind in memory as a client has them.
private struct CheckRows {
  let classCount: Int
  let count: Int
  let sampleWeights: [Float]
  let classWeights: [Float]
  private var logits: [Float]
  private let labels: [Int]

  init(classCount: Int) {
    self.classCount = classCount
    let data = CheckData(classCount: classCount, offset: 0)
    count = min(33, data.labels.count)
    logits = Array(data.logits[..<(count * classCount)])
    labels = data.labels[..<count].map { Int($0) }
    sampleWeights = (0..<count).map { Float($0 % 5) * 0.375 }
    classWeights = (0..<classCount).map { 0.25 + Float($0 % 7) * 0.3 }
    guard count > 30 else { return }
    // Rows that are not ordinary: NaN, infinities, a masked label, a row that is masked whole, logits far apart.
    logits[20 * classCount] = .nan
    logits[22 * classCount - 1] = .infinity
    logits[22 * classCount + labels[22]] = -.infinity
    for index in 23 * classCount..<24 * classCount { logits[index] = -.infinity }
    for index in 24 * classCount..<25 * classCount { logits[index] *= 4096 }
  }

  func logits(as type: LogitType) -> [UInt8] { values(logits, as: type) }

  func labels(as layout: LabelLayout) -> [UInt8] {
    switch layout {
    case .integers(let type):
      // A label that does not fit its type is another one, the same on every machine.
      return labels.flatMap { bytes(UInt64($0), count: type.byteCount) }
    case .oneHot(let type):
      let (zero, one) = (bytes(0, count: type.elementByteCount), bytes(type.pattern.one, count: type.elementByteCount))
      return labels.flatMap { label in (0..<classCount).flatMap { $0 == label ? one : zero } }
    case .probabilities(let type):
      var probabilities = [Float](repeating: 0, count: count * classCount)
      for (row, label) in labels.enumerated() {
        probabilities[row * classCount + label] += 0.75
        probabilities[row * classCount + (label + 1) % classCount] += 0.25
      }
      return values(probabilities, as: type)
    }
  }

  private func values(_ values: [Float], as type: LogitType) -> [UInt8] {
    values.flatMap { value in
      switch type {
      case .f32: bytes(UInt64(value.bitPattern), count: 4)
      case .f16: bytes(UInt64(Float16(value).bitPattern), count: 2)
      case .bf16: bytes(UInt64(value.bitPattern >> 16), count: 2)
      case .f64: bytes(Double(value).bitPattern, count: 8)
      }
    }
  }

  private func bytes(_ value: UInt64, count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
}
