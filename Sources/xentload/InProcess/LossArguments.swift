import ArgumentParser
import CrossEntropy

/// The options of the loss that a benchmark can have computed: what each costs.
struct LossArguments: ParsableArguments {
  @Option(help: "Smooth the labels by this much.")
  var labelSmoothing: Float = 0

  @Option(help: "Divide the logits by this.")
  var temperature: Float = 1

  @Option(help: "Cap the logits softly at this; 0 for not.")
  var softcap: Float = 0

  @Option(help: "Add this times the squared log-sum-exp.")
  var zLoss: Float = 0

  @Option(help: "Count the labels among this many largest logits; 0 for not.")
  var topK = 0

  @Flag(help: "Weigh the classes.")
  var classWeights = false

  @Option(help: "Ignore this part of the rows, the last of every 128; goes with labels of i32 or i64.")
  var ignored = 0.0

  @Flag(help: "Write log-sum-exps, predictions and verdicts too.")
  var allOutputs = false

  func validate() throws {
    for (name, value, isGood, expected) in [
      ("label-smoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "at least 0 and less than 1"),
      ("temperature", temperature, temperature > 0 && temperature.isFinite, "finite and more than 0"),
      ("softcap", softcap, softcap >= 0 && softcap.isFinite, "finite and at least 0"),
      ("z-loss", zLoss, zLoss >= 0 && zLoss.isFinite, "finite and at least 0"),
      ("top-k", Float(topK), topK >= 0, "at least 0"),
      ("ignored", Float(ignored), ignored >= 0 && ignored < 1, "at least 0 and less than 1"),
    ] where !isGood {
      throw ValidationError("--\(name): expected a value that is \(expected), received \(value)")
    }
  }

  /// Sets the batch's options. What it allocates is kept until the process ends.
  func apply(to batch: inout LossBatch) {
    batch.options.labelSmoothing = labelSmoothing
    batch.options.temperature = temperature
    batch.options.softcap = softcap
    batch.options.zLoss = zLoss
    batch.options.topK = topK
    if classWeights {
      let weights = UnsafeMutableBufferPointer<Float>.allocate(capacity: batch.classCount)
      weights.initialize(repeating: 0.5)
      batch.options.classWeights = UnsafeRawPointer(weights.baseAddress!)
    }
    if ignored > 0, case .integers(let type) = batch.labelLayout { ignoreRows(of: &batch, type) }
    guard allOutputs else { return }
    func room(_ byteCount: Int) -> UnsafeMutableRawPointer {
      UnsafeMutableRawPointer.allocate(byteCount: byteCount * batch.rowCount, alignment: 64)
    }
    batch.outputs.logSumExps = room(4)
    batch.outputs.predictions = room(4)
    batch.outputs.verdicts = room(1)
  }

  /// Gives the batch other labels, some of which are to be ignored: PyTorch's -100.
  private func ignoreRows(of batch: inout LossBatch, _ type: IntegerLabelType) {
    let labels = UnsafeMutableRawPointer.allocate(byteCount: batch.rowCount * type.byteCount, alignment: 64)
    labels.copyMemory(from: batch.labels, byteCount: batch.rowCount * type.byteCount)
    for row in 0..<batch.rowCount where Double(row % 128) >= 128 * (1 - ignored) {
      if type == .i32 {
        labels.storeBytes(of: -100, toByteOffset: row * 4, as: Int32.self)
      } else {
        labels.storeBytes(of: -100, toByteOffset: row * 8, as: Int64.self)
      }
    }
    batch.labels = UnsafeRawPointer(labels)
    batch.options.ignoreIndex = -100
  }
}
