import ArgumentParser
import XentClient

/// `xentload sweep`: from a low load to saturation.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Measure latency against load, find the knee, and tell what bounds it.",
    discussion: """
      Without --rates or --windows, a closed loop finds the most that can be had first, and open loops at shares of it \
      follow, from 10 % to 110 %; the knee is then narrowed down between two of them. The knee is the highest load at \
      which the condition of --slo holds and the daemon keeps up.

      Exit code 1: a result was wrong, missing, foreign or duplicated. 2: nothing could be measured. 99: a condition of \
      --fail-if holds at the knee, or there is no knee.
      """)

  @OptionGroup(title: "The daemon")
  var lane: LaneArguments

  @OptionGroup(title: "Batches")
  var batch: BatchArguments

  @OptionGroup(title: "Load")
  var load: LoadArguments

  @Option(help: ArgumentHelp("Batches a second, with commas: open loops.", valueName: "rates"))
  var rates: String?

  @Option(help: ArgumentHelp("Batches in flight, with commas: closed loops.", valueName: "windows"))
  var windows: String?

  @Option(help: ArgumentHelp("What must hold at the knee. \(Condition.help).", valueName: "condition"))
  var slo = Condition(argument: "p99<10ms")!

  @Option(help: ArgumentHelp("Measure each load for so long.", valueName: "seconds"))
  var duration = 3.0

  @Option(
    help: "Loads between the last that meets the condition and the first that misses it (with rates found by itself).")
  var refine = 2

  @OptionGroup(title: "Reports")
  var output: OutputArguments

  @Option(
    help: ArgumentHelp("Exit with 99 where this holds at the knee. May be repeated.", valueName: "condition"))
  var failIf: [Condition] = []

  private static let shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
  /// Of the closed loop that finds the most.
  private static let saturatingWindow = 32

  func validate() throws {
    if rates != nil, windows != nil { throw ValidationError("--rates or --windows, not both") }
    if let rates { _ = try numbers(rates, "rates", Double.init) { $0 > 0 && $0 <= 1e7 } }
    if let windows { _ = try numbers(windows, "windows", Int.init) { (1...1 << 16).contains($0) } }
    guard duration > 0, duration <= 1e5 else {
      throw ValidationError("--duration: expected more than 0 seconds, received \(duration)")
    }
    guard (0...20).contains(refine) else { throw ValidationError("--refine: expected 0 to 20, received \(refine)") }
    try load.check(isPipeline: lane.isPipeline)
  }

  func run() throws {
    Interruption.watch()
    let sweep = try Failure.reported { try measure() }
    try Failure.reported {
      let report = SweepReport(sweep: sweep)
      try output.write(text: report.text, json: report.json) { SweepPage(sweep).html }
    }
    if sweep.points.contains(where: { $0.outcome.violations.count > 0 }) { throw Failure.wrongResults }
    guard !failIf.isEmpty else { return }
    guard let knee = sweep.knee else {
      Failure.tell("xentload: no load meets \(slo.text)")
      throw Failure.condition
    }
    let met = failIf.filter { $0.holds(for: knee.outcome) }
    for condition in met {
      Failure.tell("xentload: --fail-if \(condition.text): at the knee \(condition.finding(knee.outcome))")
    }
    if !met.isEmpty { throw Failure.condition }
  }

  private func measure() throws -> Sweep {
    let session = try LoadSession(lane, batch, load, isQuiet: output.quiet)
    var sweep = Sweep(slo: slo)
    sweep.add(try session.ceiling(window: Self.saturatingWindow, rounds: 3))
    try addPoints(session, &sweep)
    guard !sweep.points.isEmpty else { throw LoadError("interrupted before any load was measured") }
    sweep.add(try session.ceiling(window: Self.saturatingWindow, rounds: 3))
    return sweep
  }

  private func addPoints(_ session: LoadSession, _ sweep: inout Sweep) throws {
    if let windows {
      for window in try numbers(windows, "windows", Int.init, { _ in true }).sorted() {
        try addClosed(window, session, &sweep)
      }
      return
    }
    let given = try rates.map { try numbers($0, "rates", Double.init) { _ in true }.sorted() }
    let rates = try given ?? foundRates(session)
    for rate in rates { try addOpen(rate, session, &sweep) }
    if given == nil {
      for _ in 0..<refine {
        guard let gap = sweep.gap else { break }
        try addOpen((gap.met + gap.missed) / 2, session, &sweep)
      }
    }
  }

  private func foundRates(_ session: LoadSession) throws -> [Double] {
    let most = try saturation(session)
    return Self.shares.map { $0 * most }
  }

  private func saturation(_ session: LoadSession) throws -> Double {
    var plan = load.plan(session.endpoints, seed: batch.seed)
    plan.window = Self.saturatingWindow
    plan.extent = .seconds(duration)
    let rate = try session.run(plan, title: "the most that can be had").total.batchesPerSecond
    guard rate.isFinite, rate > 0 else { throw LoadError("no result came, so there is nothing to sweep") }
    return rate
  }

  private func addOpen(_ rate: Double, _ session: LoadSession, _ sweep: inout Sweep) throws {
    var plan = load.plan(session.endpoints, seed: batch.seed)
    plan.pace = .open(rate: rate, pattern: load.arrivals)
    plan.window = LoadPlan.openWindow
    try add(plan, rate: rate, session, &sweep)
  }

  private func addClosed(_ window: Int, _ session: LoadSession, _ sweep: inout Sweep) throws {
    var plan = load.plan(session.endpoints, seed: batch.seed)
    plan.window = window
    try add(plan, rate: nil, session, &sweep)
  }

  private func add(_ plan: LoadPlan, rate: Double?, _ session: LoadSession, _ sweep: inout Sweep) throws {
    guard !Interruption.hasCome else { return }
    var plan = plan
    plan.extent = .seconds(duration)
    let title = rate.map { "\(Units.digits($0)) batches/s" } ?? "\(plan.window) in flight"
    let outcome = try session.run(plan, title: title)
    sweep.add(SweepPoint(rate: rate, window: plan.window, outcome: outcome))
  }

  private func numbers<Number>(
    _ text: String, _ name: String, _ read: (String) -> Number?, _ isGood: (Number) -> Bool
  ) throws -> [Number] {
    try text.split(separator: ",").map { part in
      guard let number = read(String(part)), isGood(number) else {
        throw ValidationError("--\(name): expected numbers above 0 with commas between, received \(part)")
      }
      return number
    }
  }
}
