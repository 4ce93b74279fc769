import ArgumentParser
import XentClient

/// `xentload run`: one load, measured.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Load a daemon, verify what comes back, and tell throughput and latency.",
    discussion: """
      Without --rate, a batch leaves whenever the window has room (a closed loop: it finds the most that can be had). \
      With --rate, batches leave at intended times, whatever the daemon does (an open loop: it finds the latency at a \
      load). Latency counts from the intended time, so that a stall is seen by all batches it held up.

      Without --duration or --batches, windows are measured until three agree within 10 % in throughput and p99, at \
      most ten.

      Exit code 1: a result was wrong, missing, foreign or duplicated. 2: nothing could be measured. 99: a condition of \
      --fail-if holds.
      """)

  @OptionGroup(title: "The daemon")
  var lane: LaneArguments

  @OptionGroup(title: "Batches")
  var batch: BatchArguments

  @OptionGroup(title: "Load")
  var load: LoadArguments

  @Option(help: ArgumentHelp("Batches a second, all connections together: an open loop.", valueName: "batches/s"))
  var rate: Double?

  @Option(help: ArgumentHelp("Batches in flight at the most, for each connection (default: 8; with --rate 1024)."))
  var window: Int?

  @Option(help: ArgumentHelp("Measure for so long.", valueName: "seconds"))
  var duration: Double?

  @Option(help: ArgumentHelp("Measure so many batches.", valueName: "count"))
  var batches: Int?

  @Option(
    help: ArgumentHelp("The length of a window, where windows are measured until they agree.", valueName: "seconds"))
  var windowSeconds = 1.0

  @Flag(help: "Measure before and after the run what libzmq alone does with messages of this size.")
  var ceiling = false

  @OptionGroup(title: "Reports")
  var output: OutputArguments

  @OptionGroup(title: "Reports")
  var histograms: HistogramArguments

  @Option(
    help: ArgumentHelp(
      "Exit with 99 where this holds: 'p99>5ms'. \(Condition.help). May be repeated.", valueName: "condition"))
  var failIf: [Condition] = []

  func validate() throws {
    if duration != nil, batches != nil { throw ValidationError("--duration or --batches, not both") }
    for (name, isGood, value, expected) in [
      ("rate", (rate ?? 1) > 0 && (rate ?? 1) <= 1e7, "\(rate ?? 1)", "more than 0 and at most 10000000"),
      ("window", (1...1 << 16).contains(window ?? 1), "\(window ?? 1)", "1 to 65536"),
      ("duration", (duration ?? 1) > 0 && (duration ?? 1) <= 1e6, "\(duration ?? 1)", "more than 0 seconds"),
      ("batches", (batches ?? 1) >= 1, "\(batches ?? 1)", "at least 1"),
      ("window-seconds", windowSeconds > 0 && windowSeconds <= 3600, "\(windowSeconds)", "more than 0, at most 3600"),
    ] where !isGood {
      throw ValidationError("--\(name): expected \(expected), received \(value)")
    }
    try load.check(isPipeline: lane.isPipeline)
  }

  func run() throws {
    Interruption.watch()
    let outcome = try Failure.reported { try measure() }
    try Failure.reported {
      let report = RunReport(outcome: outcome)
      try output.write(text: report.text, json: report.json) { RunPage(outcome).html }
      try histograms.write(outcome)
    }
    if outcome.violations.count > 0 { throw Failure.wrongResults }
    let met = failIf.filter { $0.holds(for: outcome) }
    for condition in met { Failure.tell("xentload: --fail-if \(condition.text): \(condition.finding(outcome))") }
    if !met.isEmpty { throw Failure.condition }
  }

  private func measure() throws -> RunOutcome {
    let session = try LoadSession(lane, batch, load, isQuiet: output.quiet)
    var before: Ceiling?
    if ceiling { before = try session.ceiling(window: window ?? LoadPlan.closedWindow, rounds: 3) }
    var outcome = try session.run(plan(session.endpoints))
    outcome.ceiling = before
    if let before, !Interruption.hasCome, let after = try session.ceiling(window: before.window, rounds: 3) {
      outcome.ceiling = before.added(after)
    }
    return outcome
  }

  private func plan(_ endpoints: ClientEndpoints) -> LoadPlan {
    var plan = load.plan(endpoints, seed: batch.seed)
    if let rate { plan.pace = .open(rate: rate, pattern: load.arrivals) }
    plan.window = window ?? (rate == nil ? LoadPlan.closedWindow : LoadPlan.openWindow)
    plan.extent =
      batches.map { .batches($0) } ?? duration.map { .seconds($0) }
      ?? .untilStable(
        windowSeconds: windowSeconds)
    return plan
  }
}
