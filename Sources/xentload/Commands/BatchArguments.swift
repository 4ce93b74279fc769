import ArgumentParser
import EvaluationData
import XentProtocol

/// What is sent.
struct BatchArguments: ParsableArguments {
  @Option(help: "Rows in a batch (default: 256; of --logits, about 4 MB).")
  var rows: Int?

  @Option(help: "Classes (default: 1000).")
  var classes: Int?

  @Option(help: "The type of the logits (default: f32).")
  var type: LogitsType?

  @Option(
    help: ArgumentHelp(
      "Labels: integer, onehot or probabilities (default: integer); with --logits, a .npy file.",
      valueName: "kind or b.npy"))
  var labels: String?

  @Option(help: "The type of the labels (default: i64 of integer labels, f32 of others).")
  var labelType: LabelType?

  @Option(help: ArgumentHelp("Send the rows of this array instead of made-up ones.", valueName: "a.npy"))
  var logits: String?

  @Option(
    help: ArgumentHelp("Send batches of several shapes, each as often as its weight says.", valueName: "file.yaml"))
  var mix: String?

  @Flag(inversion: .prefixedNo, help: "Ask for the loss of each row, not only for the figures of the batch.")
  var losses = true

  @Option(help: "Seed of made-up data, of arrivals, and of the choice of what is verified.")
  var seed: UInt64 = 1

  func validate() throws {
    if mix != nil, rows != nil || classes != nil || type != nil || labels != nil || labelType != nil || logits != nil {
      throw ValidationError(
        "--mix tells shapes and labels; leave out --rows, --classes, --type, --labels, --label-type and --logits")
    }
    if logits != nil, classes != nil || type != nil || labelType != nil {
      throw ValidationError("--logits tells classes and types; leave out --classes, --type and --label-type")
    }
    if logits != nil, labels == nil { throw ValidationError("--logits a.npy goes with --labels b.npy") }
    if let rows, rows < 1 { throw ValidationError("--rows: expected at least 1, received \(rows)") }
    if logits == nil, mix == nil {
      if let labels, LabelKind(argument: labels) == nil {
        throw ValidationError(
          "--labels: expected integer, onehot or probabilities (or a file, with --logits), received \(labels)")
      }
      if let problem = shape.problem { throw ValidationError("--" + problem) }
    }
  }

  /// Of made-up batches of one shape.
  private var shape: BatchShape {
    BatchShape(
      rows: rows ?? 256, classes: classes ?? 1000, type: type ?? .f32,
      labels: labels.flatMap { LabelKind(argument: $0) } ?? .integer, labelType: labelType)
  }

  /// Makes or maps the batches, and has computed what must come back.
  func workload(_ daemon: DaemonLimits, verification: VerificationMode) throws -> Workload {
    let flags: RequestFlags = losses ? .losses : []
    var workload: Workload
    if let logits, let labels {
      workload = try RealData.workload(logits: logits, labels: labels, rows: rows, flags: flags)
    } else {
      let mix = try mix.map { try ShapeMix(file: $0) } ?? ShapeMix(shape)
      workload = mix.workload(flags: flags, seed: seed)
    }
    try daemon.check(workload)
    if verification != .off { workload.computeExpectations() }
    return workload
  }
}
