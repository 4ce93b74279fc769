import CKernelShims

/// Turns the summary of each row's logits into its loss: reads label and weights, judges, writes the answers, and adds
/// to the figures.
struct RowFinisher {
  private let batch: LossBatch
  private let kernel: Kernel
  private let largest: Double
  /// Whether the loss of a row is its cross-entropy, and each row counts once.
  private let isPlain: Bool

  init(_ batch: LossBatch, kernel: Kernel) {
    self.batch = batch
    self.kernel = kernel
    largest = batch.outputs.largest
    let options = batch.options
    isPlain = options.zLoss == 0 && options.sampleWeights == nil && options.classWeights == nil
  }

  /// Finishes consecutive rows whose one-hot labels have not been looked at yet.
  func finish(rows: Range<Int>, summaries: UnsafePointer<RowSummary>, figures: inout Figures) {
    for row in rows { finish(row: row, summary: summaries[row - rows.lowerBound], figures: &figures) }
  }

  /// Finishes a row whose one-hot labels have not been looked at yet.
  func finish(row: Int, summary: RowSummary, figures: inout Figures) {
    finish(row: row, summary: summary, label: label(ofRow: row), figures: &figures)
  }

  /// Finishes a row whose one-hot labels have been looked at in parts.
  func finish(row: Int, summary: RowSummary, scan: OneHotScan, figures: inout Figures) {
    finish(row: row, summary: summary, label: label(scan), figures: &figures)
  }

  private func finish(row: Int, summary: RowSummary, label: RowLabel, figures: inout Figures) {
    batch.outputs.writeLogSumExp(summary.logSumExp, row: row)
    batch.outputs.writePrediction(summary.argmax, row: row)
    if isPlain, case .class(let index) = label {
      let value = (summary.maximum - logit(index, ofRow: row)) + summary.logSum
      // False as well for a maximum, and so a loss, that is NaN; an infinite maximum makes NaN or infinity.
      if value <= largest, summary.maximum.isFinite {
        figures.addPlain(value, isCorrect: summary.argmax == Int64(index))
        batch.outputs.writeLoss(value, row: row)
        batch.outputs.writeVerdict(.ok, row: row)
        return
      }
    }
    let loss: RowLoss
    switch label {
    case .ignored:
      figures.addIgnored()
      batch.outputs.writeLoss(0, row: row)
      batch.outputs.writeVerdict(.ignored, row: row)
      return
    case .invalid(let verdict):
      loss = RowLoss(invalid: verdict)
    case .class(let index):
      loss = self.loss(row: row, summary: summary, label: index)
    }
    figures.add(loss, row: row)
    batch.outputs.writeLoss(loss.value, row: row)
    batch.outputs.writeVerdict(loss.verdict, row: row)
  }

  private func loss(row: Int, summary: RowSummary, label: Int) -> RowLoss {
    let sampleWeight = float(row, of: batch.options.sampleWeights)
    guard sampleWeight.isFinite, sampleWeight >= 0 else { return RowLoss(invalid: .badWeight) }
    return RowLoss(
      summary, label: label, labelLogit: logit(label, ofRow: row),
      weights: (sampleWeight, float(label, of: batch.options.classWeights)), zLoss: Double(batch.options.zLoss),
      largest: largest)
  }

  private func label(ofRow row: Int) -> RowLabel {
    switch batch.labelLayout {
    case .integers(let type):
      let value = integerLabel(at: batch.labels + row * type.byteCount, type: type)
      if value == batch.options.ignoreIndex { return .ignored }
      guard value >= 0, value < batch.classCount else { return .invalid(.labelOutOfRange) }
      return .class(Int(value))
    case .oneHot(let type):
      let pattern = type.pattern
      let elements = batch.labels + row * batch.classCount * type.elementByteCount
      return label(kernel.scanOneHot(elements, batch.classCount, 0, pattern))
    }
  }

  private func label(_ scan: OneHotScan) -> RowLabel {
    if scan.oneCount == 1, scan.otherCount == 0 { return .class(Int(scan.index)) }
    let isZero = scan.oneCount == 0 && scan.otherCount == 0
    return isZero && batch.options.ignoresZeroRows ? .ignored : .invalid(.notOneHot)
  }

  private func logit(_ index: Int, ofRow row: Int) -> Double { batch.logitType.logit(index, of: batch.row(row)) }

  /// An f32 of an array that need not be aligned; 1 where there is no array.
  private func float(_ index: Int, of array: UnsafeRawPointer?) -> Double {
    guard let array else { return 1 }
    return Double(array.loadUnaligned(fromByteOffset: index * MemoryLayout<Float>.size, as: Float.self))
  }
}
