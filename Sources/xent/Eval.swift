import ArgumentParser
import EvaluationData
import FoundationEssentials
import XentClient
import XentProtocol
import ZeroMQ

/// `xent eval`: logits and labels in, mean loss out.
struct Eval: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate logits against labels, both in .npy files.",
    discussion: """
      Logits are f2, f4, f8, or V2, as numpy.save writes bfloat16. Labels are class indices of shape (rows,), or \
      one-hot of shape (rows, classes), or with --probabilities probabilities of that shape. There may be several \
      dimensions of rows, as in (texts, tokens, classes); the outputs have them too. Without an endpoint, the daemon \
      of $XENTD_ENDPOINT, of the user, or of the system is asked, in this order.

      Exit code 1: some rows were invalid, unless --invalid report. Exit code 2: nothing could be evaluated, or no \
      row has a finite loss.
      """)

  @Option(help: ArgumentHelp("A float array of shape (rows, classes) or (..., classes).", valueName: "a.npy"))
  var logits: String

  @Option(help: ArgumentHelp("The labels of these rows.", valueName: "b.npy"))
  var labels: String

  @Option(help: ArgumentHelp("Rows in a batch (default: about 4 MB of them).", valueName: "n"))
  var batchRows: Int?

  @OptionGroup(title: "Options of the loss")
  var loss: LossArguments

  @OptionGroup(title: "Outputs")
  var outputs: OutputArguments

  @Flag(help: "Print the mean in bits, not in nats.")
  var bits = false

  enum InvalidRows: String, CaseIterable, ExpressibleByArgument { case fail, report }

  @Option(
    help: ArgumentHelp(
      "Rows with a bad label or weight: fail with exit code 1, or report them beside the mean of the rest."))
  var invalid = InvalidRows.fail

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp("The daemon's router lane; several daemons' are separated by commas.", valueName: "endpoint"))
  var endpoint: String?

  @Option(help: ArgumentHelp("The requests of a pipeline lane; goes with --results.", valueName: "endpoint"))
  var requests: String?

  @Option(help: ArgumentHelp("The results of a pipeline lane; goes with --requests.", valueName: "endpoint"))
  var results: String?

  @OptionGroup(title: "Encryption")
  var security: SecurityArguments

  @Option(help: ArgumentHelp("Give up when no batch was completed for this long.", valueName: "seconds"))
  var timeout = 10.0

  /// In flight at the most: enough to keep sender, daemon and receiver busy at once.
  private static let windowByteCount = 32 << 20
  private static let defaultBatchByteCount = 4 << 20

  func validate() throws {
    if (requests == nil) != (results == nil) { throw ValidationError("--requests and --results go together") }
    if endpoint != nil, requests != nil { throw ValidationError("--endpoint is a router lane; leave out --requests") }
    if let batchRows, batchRows < 1 {
      throw ValidationError("--batch-rows: expected at least 1, received \(batchRows)")
    }
    guard timeout > 0 else { throw ValidationError("--timeout: expected more than 0 seconds, received \(timeout)") }
  }

  func run() throws {
    let report: EvalReport
    do {
      report = try evaluate()
    } catch {
      writeError("xent: \(error)\n")
      throw ExitCode(2)
    }
    print(json ? report.json : report.text)
    if report.evaluation.invalidCount > 0, invalid == .fail { throw ExitCode(1) }
    if report.evaluation.finiteCount == 0 { throw ExitCode(2) }
  }

  private func evaluate() throws -> EvalReport {
    let data = try DataSet(
      logits: NumpyArray(logits), labels: NumpyArray(labels), areProbabilities: loss.probabilities,
      sampleWeights: loss.sampleWeights.map { try NumpyArray($0) },
      classWeights: loss.classWeights.map { try NumpyArray($0) })
    guard data.rowCount > 0 else { throw EvalError("\(logits): has no rows") }
    let endpoints = try chosenEndpoints()
    var stream = try BatchStream(
      endpoints, security: try security.security(), windowByteCount: Self.windowByteCount, timeoutSeconds: timeout)
    let daemons = try stream.infos().map(DaemonInfo.init(json:))
    var outputs = try RowOutputs(self.outputs, shape: data.rowShape, isFloat64: data.wantsFloat64)
    var template = RequestHeader()
    template.flags = outputs.flags
    loss.apply(to: &template)
    let rowsPerBatch = try rowsPerBatch(data, .smallest(of: daemons.map(\.limits)))
    let batchCount = (data.rowCount + rowsPerBatch - 1) / rowsPerBatch
    let rows = { (batch: Int) in batch * rowsPerBatch..<min((batch + 1) * rowsPerBatch, data.rowCount) }
    var evaluation = Evaluation()
    var progress = Progress(total: data.rowCount, isQuiet: json)
    let start = ContinuousClock.now
    defer { progress.clear() }
    try stream.run(batchCount: batchCount) { batch in
      data.batch(rows: rows(batch), template: template)
    } handle: { batch, result, bytes in
      let firstRow = rows(batch).lowerBound
      evaluation.add(result.header, firstRow: firstRow, message: result.message(in: bytes))
      outputs.add(result, bytes, firstRow: firstRow)
      progress.show(evaluation.rowCount)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try outputs.write()
    return EvalReport(
      evaluation: evaluation, rowShape: data.rowShape, daemon: daemons[0],
      endpoint: endpoints.map(\.description).joined(separator: ", "), batchCount: batchCount, delivery: stream.counts,
      seconds: seconds, byteCount: data.rowCount * data.rowByteCount,
      style: EvalReport.Style(isWeighted: data.isWeighted, usesBits: bits, topK: loss.topK))
  }

  private func chosenEndpoints() throws -> [ClientEndpoints] {
    if let requests, let results { return [.pipeline(requests: requests, results: results)] }
    if let endpoint { return ClientEndpoints.list(endpoint) }
    return try ClientEndpoints.found(environment: ProcessInfo.processInfo.environment)
  }

  private func rowsPerBatch(_ data: DataSet, _ limits: DaemonInfo.Limits) throws -> Int {
    let room = limits.batchBytes - RequestHeader.byteCount - data.constantByteCount
    guard data.rowByteCount <= room else {
      throw EvalError(
        "\(logits): one row has \(data.rowByteCount) bytes with its label, and the daemon takes at most \(room); "
          + "raise batch_bytes in its configuration")
    }
    // Losses, log-sum-exps and predictions at the most.
    let resultRoom = (limits.resultBytes - ResultHeader.byteCount) / 20
    let most = min(room / data.rowByteCount, limits.rows, max(1, resultRoom))
    return min(most, batchRows ?? max(1, Self.defaultBatchByteCount / data.rowByteCount))
  }
}
