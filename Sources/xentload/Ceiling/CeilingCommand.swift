import ArgumentParser
import XentProtocol

/// `xentload ceiling`: what libzmq alone does here.
struct CeilingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ceiling",
    abstract: "Measure what libzmq alone does here: the most that any daemon could reach.",
    discussion: """
      Two processes: one sends messages by PUSH, the other takes them by PULL and discards them; and then the same with \
      a reply to each, of the size of a result, by another PUSH and PULL. Nothing is computed. Rounds of both are made \
      in turn; figures are medians.
      """)

  @Option(
    help: ArgumentHelp(
      "Sizes of requests in bytes, with commas; k, M and G stand for powers of 1024.", valueName: "sizes"))
  var sizes = "1k,64k,1M,4M"

  @Option(help: "The size of a reply in bytes: a result has 160, and 4 for each row's loss.")
  var reply = 416

  @Option(help: "What messages travel by: ipc or tcp (loopback).")
  var transport = CeilingTransport.ipc

  @Option(help: "Messages in flight, where each is answered.")
  var window = 64

  @Option(help: "Seconds of each figure.")
  var seconds = 0.5

  @Option(help: "Figures of each kind.")
  var rounds = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    _ = try byteCounts()
    for (name, isGood, value) in [
      ("reply", reply >= 1 && reply <= 1 << 30, "\(reply)"), ("window", window >= 1 && window <= 1 << 20, "\(window)"),
      ("seconds", seconds > 0 && seconds <= 3600, "\(seconds)"), ("rounds", rounds >= 1 && rounds <= 1000, "\(rounds)"),
    ] where !isGood {
      throw ValidationError("--\(name): \(value) is out of range")
    }
  }

  func run() throws {
    Interruption.watch()
    let ceilings = try Failure.reported {
      try byteCounts().map { size in
        try CeilingMeasurement(
          transport: transport, requestByteCount: size, replyByteCount: reply, window: window, seconds: seconds,
          rounds: rounds
        ).perform()
      }
    }
    let report = CeilingReport(ceilings: ceilings)
    print(json ? report.json.text : report.text)
  }

  private func byteCounts() throws -> [Int] {
    try sizes.split(separator: ",").map { text in
      let factors: [Character: Int] = ["k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
      let factor = text.last.flatMap { factors[$0] }
      guard let number = Int(factor == nil ? text : text.dropLast()), number >= 1, number <= 1 << 30,
        number * (factor ?? 1) <= 1 << 30
      else { throw ValidationError("--sizes: expected numbers from 1 to 1G, received \(text)") }
      return number * (factor ?? 1)
    }
  }
}

extension CeilingTransport: ExpressibleByArgument {}
