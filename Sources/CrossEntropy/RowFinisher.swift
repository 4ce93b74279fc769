import CKernelShims
import CrossEntropyKernels

/// Turns rows, or the summaries of their logits, into losses: reads label and weights, judges, writes the answers, and adds to
/// the figures.
struct RowFinisher {
  private let batch: LossBatch
  private let bench: Workbench
  private let largest: Double
  private let transform: LogitTransform

  init(_ batch: LossBatch, on bench: Workbench) {
    self.batch = batch
    self.bench = bench
    largest = batch.outputs.largest
    transform = batch.options.transform
  }

  private var kernel: Kernel { bench.kernel }

  /// Computes consecutive rows, at most as many as the bench's buffers hold.
  func compute(rows: Range<Int>, figures: inout Figures) {
    let buffers = bench.buffers
    readClasses(rows, into: buffers.classes)
    kernel.summarizeRows(
      batch.row(rows.lowerBound), batch.logitType.format, rows.count, batch.classCount, transform,
      batch.hasProbabilities ? nil : UnsafePointer(buffers.classes), batch.leavesOutIgnored, bench.blocks,
      bench.scratch, buffers.summaries)
    if batch.sumsClasses { sumClasses(rows, buffers) }
    let ordinaryCount = finishOrdinary(rows, figures: &figures)
    guard ordinaryCount < rows.count else { return }
    for (place, row) in rows.enumerated() where !buffers.isOrdinary(place) {
      finish(row: row, summary: buffers.summaries[place], scan: nil, figures: &figures)
    }
  }

  /// Sums over all classes of each row; with probabilities, finds the rows' classes.
  private func sumClasses(_ rows: Range<Int>, _ buffers: RowBuffers) {
    kernel.sumClassesOfRows(
      batch.row(rows.lowerBound), batch.logitType.format, rows.count, batch.classCount, transform,
      buffers.summaries.maxima, batch.shares(ofRow: rows.lowerBound), Double(batch.options.labelTolerance),
      bench.scratch, buffers.classSums, buffers.classes)
  }

  /// - Returns: how many rows are ordinary.
  private func finishOrdinary(_ rows: Range<Int>, figures: inout Figures) -> Int {
    let buffers = bench.buffers
    let weighting = batch.weighting(from: rows.lowerBound)
    let sums = kernel.finishOrdinaryRows(
      rows.count, buffers.classes, buffers.summaries, batch.sumsClasses ? buffers.classSums : nil, weighting, largest,
      batch.outputs.losses(from: rows.lowerBound), batch.outputs.isFloat64, buffers.ordinary)
    figures.add(sums, areWeighted: weighting.sampleWeights != nil || weighting.classWeights != nil)
    if batch.options.topK > 0 { figures.addTopKCorrect(countInTopK(ofOrdinary: rows)) }
    batch.outputs.writeOrdinary(rows, buffers)
    return Int(sums.count + sums.ignoredCount)
  }

  /// The class of each row whose label is good, else `ignoredClass` or -1, also behind the last to the end of sixteen. Of few
  /// classes, rows of zeros that are ignored have -1, too.
  private func readClasses(_ rows: Range<Int>, into classes: UnsafeMutablePointer<Int32>) {
    switch batch.labelLayout {
    case .integers(let type):
      kernel.readClasses(
        batch.labels + rows.lowerBound * type.byteCount, type.format, rows.count, batch.classCount,
        batch.options.ignoreIndex, classes)
    case .oneHot(let type):
      let first = batch.labels + rows.lowerBound * batch.classCount * type.elementByteCount
      for place in rows.count..<(rows.count + 15) / 16 * 16 { classes[place] = -1 }
      guard batch.classCount > largestOneHotWordClassCount else {
        return kernel.findOneHotClasses(first, rows.count, batch.classCount, type.pattern, classes)
      }
      for place in 0..<rows.count {
        let elements = first + place * batch.classCount * type.elementByteCount
        switch label(kernel.scanOneHot(elements, batch.classCount, 0, type.pattern)) {
        case .class(let index): classes[place] = Int32(truncatingIfNeeded: index)
        case .ignored: classes[place] = ignoredClass
        case .invalid, .distribution: classes[place] = -1
        }
      }
    case .probabilities: break  // Their sums tell.
    }
  }

  @inline(__always)
  private func write(_ loss: Double, _ verdict: RowVerdict, _ summary: RowSummary, row: Int) {
    batch.outputs.writeLoss(loss, row: row)
    batch.outputs.writeVerdict(verdict, row: row)
    batch.outputs.writeLogSumExp(summary.logSumExp, row: row)
    batch.outputs.writePrediction(summary.argmax, row: row)
  }

  /// Finishes a row of any kind.
  /// - Parameter scan: what its one-hot label came to; nil where it has not been looked at.
  func finish(row: Int, summary: RowSummary, scan: OneHotScan?, figures: inout Figures) {
    let label = scan.map(label(_:)) ?? label(ofRow: row, summary)
    if case .ignored = label {
      figures.addIgnored()
      write(0, .ignored, summary, row: row)
      return
    }
    let loss = loss(row: row, summary: summary, label: label)
    figures.add(loss, row: row)
    write(loss.value, loss.verdict, summary, row: row)
  }

  private func loss(row: Int, summary: RowSummary, label: RowLabel) -> RowLoss {
    let sampleWeight = float(row, of: batch.options.sampleWeights)
    let isGoodWeight = sampleWeight.isFinite && sampleWeight >= 0
    let classIndex: Int
    let classWeight: Double
    let term: LabelTerm
    switch label {
    case .invalid(let verdict): return RowLoss(invalid: verdict)
    case .class(let index):
      guard isGoodWeight else { return RowLoss(invalid: .badWeight) }
      classIndex = index
      classWeight = float(index, of: batch.options.classWeights)
      term = self.term(row: row, summary: summary, label: index, classWeight: classWeight)
    case .distribution(let sums):
      guard isGoodWeight else { return RowLoss(invalid: .badWeight) }
      classIndex = Int(sums.argmax)
      classWeight = 1
      term = self.term(row: row, summary: summary, sums: sums)
    case .ignored: preconditionFailure("an ignored row has no loss")
    }
    return RowLoss(
      summary, label: classIndex, term: term, weights: (sampleWeight, classWeight),
      zLoss: Double(batch.options.zLoss), largest: largest, isInTopK: isInTopK(classIndex, row: row, summary: summary))
  }

  /// How many ordinary rows have their label among the k largest logits.
  private func countInTopK(ofOrdinary rows: Range<Int>) -> Int {
    let buffers = bench.buffers
    guard batch.classCount > largestNarrowClassCount else {
      return kernel.countNarrowRows(
        batch.options.topK, batch.row(rows.lowerBound), batch.logitType.format, rows.count, batch.classCount,
        buffers.classes, buffers.ordinary, bench.scratch)
    }
    var count = 0
    for (place, row) in rows.enumerated() where buffers.isOrdinary(place) && buffers.classes[place] >= 0 {
      if isInTopK(Int(buffers.classes[place]), row: row, summary: buffers.summaries[place]) { count += 1 }
    }
    return count
  }

  /// Whether fewer than k logits are greater than the label's: on the logits as they are given.
  private func isInTopK(_ label: Int, row: Int, summary: RowSummary) -> Bool {
    guard batch.options.topK > 0, !summary.maximum.isNaN else { return false }
    let value = logit(label, ofRow: row)
    guard value > -.infinity else { return false }
    if summary.argmax == Int64(label) { return true }
    return kernel.hasFewerGreater(
      batch.options.topK, value, batch.row(row), batch.logitType.format, batch.classCount)
  }

  // MARK: Labels

  private func label(ofRow row: Int, _ summary: RowSummary) -> RowLabel {
    switch batch.labelLayout {
    case .integers(let type): return batch.label(ofRow: row, type: type)
    case .oneHot(let type):
      let pattern = type.pattern
      let elements = batch.labels + row * batch.classCount * type.elementByteCount
      return label(kernel.scanOneHot(elements, batch.classCount, 0, pattern))
    case .probabilities: return distribution(ofRow: row, summary)
    }
  }

  private func label(_ scan: OneHotScan) -> RowLabel {
    if scan.oneCount == 1, scan.otherCount == 0 { return .class(Int(scan.index)) }
    let isZero = scan.oneCount == 0 && scan.otherCount == 0
    return isZero && batch.options.ignoresZeroRows ? .ignored : .invalid(.notOneHot)
  }

  private func distribution(ofRow row: Int, _ summary: RowSummary) -> RowLabel {
    let sums = sums(row: row, summary)
    guard sums.areProbabilities(tolerance: Double(batch.options.labelTolerance)) else {
      return .invalid(.badProbabilities)
    }
    return .distribution(sums)
  }

  // MARK: The label's term of the loss

  /// `sum of v t' (lse - z)` for a label that is one class: `v[y] (lse - z[y])`, and with smoothing e, 1 - e of that and
  /// e / C of the sum over all classes.
  private func term(row: Int, summary: RowSummary, label: Int, classWeight: Double) -> LabelTerm {
    guard summary.maximum.isFinite else { return .none }
    let labelLogit = kernel.transformed(logit(label, ofRow: row), batch.logitType.format, transform)
    var term = LabelTerm(
      // A coefficient of 0 contributes 0, also to an infinite loss.
      value: classWeight == 0 ? 0 : classWeight * ((summary.maximum - labelLogit) + summary.logSum),
      isMasked: classWeight != 0 && labelLogit == -.infinity)
    let smoothing = Double(batch.options.labelSmoothing)
    guard smoothing != 0 else { return term }
    let uniform = self.term(row: row, summary: summary, sums: sums(row: row, summary))
    term.value = (1 - smoothing) * term.value + uniform.value
    term.isMasked = term.isMasked || uniform.isMasked
    return term
  }

  private func term(row: Int, summary: RowSummary, sums: ClassSums) -> LabelTerm {
    guard summary.maximum.isFinite else { return .none }
    return LabelTerm(
      value: sums.gaps + sums.shares * summary.logSum,
      isMasked: sums.gaps == .infinity && hasMaskedClass(row: row))
  }

  /// Whether a logit of a row without NaN is -infinity. Otherwise infinite gaps have overflown.
  private func hasMaskedClass(row: Int) -> Bool {
    let format = batch.logitType.format
    if kernel.hasFewerGreater(batch.classCount, -.infinity, batch.row(row), format, batch.classCount) { return true }
    // A small divisor makes others infinite.
    return transform.temperature < 1
      && (0..<batch.classCount).contains {
        kernel.transformed(logit($0, ofRow: row), format, transform) == -.infinity
      }
  }

  private func sums(row: Int, _ summary: RowSummary) -> ClassSums {
    kernel.sumClasses(
      batch.row(row), batch.logitType.format, batch.classCount, transform, summary.maximum, batch.shares(ofRow: row),
      bench.scratch)
  }

  // MARK: Memory

  private func logit(_ index: Int, ofRow row: Int) -> Double { batch.logitType.logit(index, of: batch.row(row)) }

  /// An f32 of an array that need not be aligned; 1 where there is no array.
  private func float(_ index: Int, of array: UnsafeRawPointer?) -> Double {
    guard let array else { return 1 }
    return Double(array.loadUnaligned(fromByteOffset: index * MemoryLayout<Float>.size, as: Float.self))
  }
}
