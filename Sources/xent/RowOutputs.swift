import ArgumentParser
import XentClient
import XentProtocol

/// Files of one number a row that `xent eval` writes where it is asked to.
struct OutputArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Write the loss of each row to this file.", valueName: "out.npy"))
  var losses: String?

  @Option(help: ArgumentHelp("Write the class of the largest logit of each row.", valueName: "out.npy"))
  var predictions: String?

  @Option(help: ArgumentHelp("Write the log-sum-exp of each row.", valueName: "out.npy"))
  var lse: String?
}

/// The files on their way.
struct RowOutputs {
  private var losses: RowFile?
  private var predictions: RowFile?
  private var logSumExps: RowFile?
  private let isFloat64: Bool

  /// - Parameter shape: of the rows.
  init(_ arguments: OutputArguments, shape: [Int], isFloat64: Bool) throws {
    let floats: RowFile.Element = isFloat64 ? .f64 : .f32
    losses = try arguments.losses.map { try RowFile($0, floats, shape: shape) }
    logSumExps = try arguments.lse.map { try RowFile($0, floats, shape: shape) }
    predictions = try arguments.predictions.map { try RowFile($0, .i32, shape: shape) }
    self.isFloat64 = isFloat64
  }

  /// What a request must ask for.
  var flags: RequestFlags {
    var flags: RequestFlags = isFloat64 ? [.float64] : []
    if losses != nil { flags.insert(.losses) }
    if logSumExps != nil { flags.insert(.logSumExps) }
    if predictions != nil { flags.insert(.predictions) }
    return flags
  }

  mutating func add(_ result: BatchResult, _ bytes: RawSpan, firstRow: Int) {
    losses?.set(result.losses(in: bytes), firstRow: firstRow)
    logSumExps?.set(result.logSumExps(in: bytes), firstRow: firstRow)
    predictions?.set(result.predictions(in: bytes).map(Double.init), firstRow: firstRow)
  }

  func write() throws {
    for file in [losses, predictions, logSumExps] { try file?.write() }
  }
}
