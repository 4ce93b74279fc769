import ArgumentParser
import XentProtocol

/// What changes the loss, as `xent eval` takes it.
struct LossArguments: ParsableArguments {
  @Flag(help: "The labels of shape (rows, classes) are probabilities, not one-hot.")
  var probabilities = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How far a row of probabilities may sum from 1 (default: 0.001).", valueName: "distance"))
  var labelTolerance: Float?

  @Option(parsing: .unconditional, help: ArgumentHelp("Do not count rows with this integer label.", valueName: "label"))
  var ignoreIndex: Int64?

  @Flag(help: "Do not count rows whose one-hot label is all zeros.")
  var ignoreZeroRows = false

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Spread this much of each label over all classes.", valueName: "0..<1"))
  var labelSmoothing: Float = 0

  @Option(parsing: .unconditional, help: ArgumentHelp("A float32 weight for each class.", valueName: "w.npy"))
  var classWeights: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("A float32 weight for each row.", valueName: "w.npy"))
  var sampleWeights: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Add this times the squared log-sum-exp to each loss.", valueName: "factor"))
  var zLoss: Float = 0

  @Option(parsing: .unconditional, help: ArgumentHelp("Divide the logits by this first.", valueName: "divisor"))
  var temperature: Float = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Then make them softcap * tanh(logit / softcap); 0 for not.", valueName: "softcap"))
  var softcap: Float = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Count the rows whose label is among this many largest logits, too.", valueName: "1...255"))
  var topK: Int?

  func validate() throws {
    if let topK, !(1...255).contains(topK) { throw ValidationError("--top-k: expected 1 to 255, received \(topK)") }
    guard temperature > 0 else { throw ValidationError("--temperature: expected more than 0, received \(temperature)") }
  }

  /// Sets the options in the header of a request; the daemon judges their values.
  func apply(to header: inout RequestHeader) {
    if let ignoreIndex {
      header.flags.insert(.ignore)
      header.ignoreIndex = ignoreIndex
    }
    if ignoreZeroRows { header.flags.insert(.zeroRowIgnored) }
    header.labelTolerance = labelTolerance ?? 0
    header.labelSmoothing = labelSmoothing
    header.zLoss = zLoss
    header.temperature = temperature
    header.softcap = softcap
    header.topK = UInt8(topK ?? 0)
  }
}
