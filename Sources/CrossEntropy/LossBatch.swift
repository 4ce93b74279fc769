import CKernelShims

/// One batch of rows: where its inputs lie, what is asked for, and where the answers go. All memory is borrowed from the
/// caller, who keeps it alive and unchanged until the round is computed. Nothing need be aligned.
package struct LossBatch: BitwiseCopyable {
  package var rowCount: Int
  package var classCount: Int
  /// `rowCount * classCount` values, row-major.
  package var logits: UnsafeRawPointer
  package var logitType: LogitType
  package var labels: UnsafeRawPointer
  package var labelLayout: LabelLayout
  package var options: LossOptions
  package var outputs: LossOutputs

  package init(
    rowCount: Int, classCount: Int, logits: UnsafeRawPointer, logitType: LogitType = .f32, labels: UnsafeRawPointer,
    labelLayout: LabelLayout, options: LossOptions = LossOptions(), outputs: LossOutputs = LossOutputs()
  ) {
    self.rowCount = rowCount
    self.classCount = classCount
    self.logits = logits
    self.logitType = logitType
    self.labels = labels
    self.labelLayout = labelLayout
    self.options = options
    self.outputs = outputs
  }

  var rowByteCount: Int { classCount * logitType.byteCount }

  func row(_ index: Int) -> UnsafeRawPointer { logits + index * rowByteCount }

  var hasProbabilities: Bool {
    if case .probabilities = labelLayout { return true }
    return false
  }

  /// A row's integer label.
  func label(ofRow row: Int, type: IntegerLabelType) -> RowLabel {
    let label = integerLabel(at: labels + row * type.byteCount, type: type)
    if label == options.ignoreIndex { return .ignored }
    return label >= 0 && label < classCount ? .class(Int(label)) : .invalid(.labelOutOfRange)
  }

  /// Whether there may be ignored rows of which nothing is asked that their logits tell.
  var leavesOutIgnored: Bool { (options.ignoreIndex != nil || options.ignoresZeroRows) && !outputs.tellOfAllLogits }

  /// Whether what is asked for depends on a row's logits, as far as an integer label tells.
  func needsLogits(ofRow row: Int) -> Bool {
    guard leavesOutIgnored, case .integers(let type) = labelLayout else { return true }
    if case .ignored = label(ofRow: row, type: type) { return false }
    return true
  }

  /// Whether a row's loss is one of all classes, not only of its label's.
  var sumsClasses: Bool { hasProbabilities || options.labelSmoothing != 0 }

  /// How much each class counts in a sum over all: by the row's probabilities, if it has some, and what smoothing spreads.
  func shares(ofRow row: Int) -> ClassShares {
    let smoothing = Double(options.labelSmoothing)
    var shares = ClassShares(
      classWeights: options.classWeights, probabilities: nil, probabilityFormat: 0, labelShare: 1 - smoothing,
      uniformShare: smoothing / Double(classCount))
    if case .probabilities(let type) = labelLayout {
      shares.probabilities = labels + row * classCount * type.byteCount
      shares.probabilityFormat = type.format
    }
    return shares
  }

  /// What rows weigh from this one on, and what is added to their losses. In rows of probabilities it is the classes that
  /// weigh.
  func weighting(from row: Int) -> RowWeighting {
    RowWeighting(
      sampleWeights: options.sampleWeights.map { $0 + row * 4 },
      classWeights: hasProbabilities ? nil : options.classWeights, zLoss: Double(options.zLoss),
      labelShare: hasProbabilities ? 0 : 1 - Double(options.labelSmoothing))
  }
}

/// What changes the loss of a row.
package struct LossOptions: BitwiseCopyable {
  /// Rows with this integer label are not counted; checked before the label's range.
  package var ignoreIndex: Int64?
  /// Whether a row of one-hot labels that are all 0 is ignored rather than invalid.
  package var ignoresZeroRows = false
  /// Logits are divided by this before everything else; finite and more than 0.
  package var temperature: Float = 1
  /// Then each becomes `softcap * tanh(logit / softcap)`; 0 for none.
  package var softcap: Float = 0
  /// How much of each label is spread evenly over all classes: at least 0, less than 1.
  package var labelSmoothing: Float = 0
  /// How far a row of probabilities may sum from 1.
  package var labelTolerance: Float = 1e-3
  /// Rows are counted whose label is among this many largest logits; 0 for not asked.
  package var topK = 0
  /// `logSumExp^2` times this is added to each row's loss.
  package var zLoss: Float = 0
  /// `rowCount` f32 values, or nil for 1.
  package var sampleWeights: UnsafeRawPointer?
  /// `classCount` f32 values that are finite and not negative, or nil for 1.
  package var classWeights: UnsafeRawPointer?

  package init() {}

  var transform: LogitTransform { LogitTransform(temperature: Double(temperature), softcap: Double(softcap)) }
}

/// Where the answers for each row go; nil for what is not asked for.
package struct LossOutputs: BitwiseCopyable {
  /// Whether losses and log-sum-exps are f64, not f32.
  package var isFloat64 = false
  package var losses: UnsafeMutableRawPointer?
  package var logSumExps: UnsafeMutableRawPointer?
  /// i32, the class of the largest logit.
  package var predictions: UnsafeMutableRawPointer?
  /// u8, the raw value of each `RowVerdict`.
  package var verdicts: UnsafeMutableRawPointer?

  package init() {}

  /// Whether something is asked for that each row's logits tell, whatever its label.
  var tellOfAllLogits: Bool { logSumExps != nil || predictions != nil }

  /// The largest finite value of the results' type, as a double.
  var largest: Double { isFloat64 ? .greatestFiniteMagnitude : Self.largestRoundedToFloat }

  /// The largest double that rounds to a finite float: half an ulp past the largest float is a tie that rounds away.
  private static let largestRoundedToFloat = (0x1.ffffffp127).nextDown

  func writeLoss(_ loss: Double, row: Int) {
    if let losses { write(loss, to: losses, row: row) }
  }

  func writeLogSumExp(_ logSumExp: Double, row: Int) {
    if let logSumExps { write(logSumExp, to: logSumExps, row: row) }
  }

  func writePrediction(_ argmax: Int64, row: Int) {
    predictions?.storeBytes(of: Int32(truncatingIfNeeded: argmax), toByteOffset: row * 4, as: Int32.self)
  }

  func writeVerdict(_ verdict: RowVerdict, row: Int) {
    verdicts?.storeBytes(of: verdict.rawValue, toByteOffset: row, as: UInt8.self)
  }

  /// Where the losses of consecutive rows go.
  func losses(from row: Int) -> UnsafeMutableRawPointer? { losses.map { $0 + row * (isFloat64 ? 8 : 4) } }

  /// Writes the answers of rows that are ordinary, but for their losses. Those of others mean nothing yet.
  func writeOrdinary(_ rows: Range<Int>, _ buffers: RowBuffers) {
    let summaries = buffers.summaries
    if let logSumExps { write(rows, to: logSumExps) { summaries.maxima[$0] + summaries.logSums[$0] } }
    if let predictions {
      (predictions + rows.lowerBound * 4).copyMemory(from: summaries.argmaxes, byteCount: rows.count * 4)
    }
    if let verdicts {
      for (place, row) in rows.enumerated() {
        let verdict = buffers.classes[place] == ignoredClass ? RowVerdict.ignored : .ok
        verdicts.storeBytes(of: verdict.rawValue, toByteOffset: row, as: UInt8.self)
      }
    }
  }

  @inline(__always)
  private func write(_ rows: Range<Int>, to column: UnsafeMutableRawPointer, _ value: (Int) -> Double) {
    if isFloat64 {
      let first = column + rows.lowerBound * 8
      for place in 0..<rows.count { first.storeBytes(of: value(place), toByteOffset: place * 8, as: Double.self) }
    } else {
      let first = column + rows.lowerBound * 4
      for place in 0..<rows.count { first.storeBytes(of: Float(value(place)), toByteOffset: place * 4, as: Float.self) }
    }
  }

  private func write(_ value: Double, to column: UnsafeMutableRawPointer, row: Int) {
    if isFloat64 {
      column.storeBytes(of: value, toByteOffset: row * 8, as: Double.self)
    } else {
      column.storeBytes(of: Float(value), toByteOffset: row * 4, as: Float.self)
    }
  }
}
