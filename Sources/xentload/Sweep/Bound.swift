/// What keeps a daemon from more throughput, judged from the outside, from its own metrics and from the processors.
struct Bound {
  /// A resource that is used to so much of its whole is what sets the limit.
  private static let fullShare = 0.85
  /// Of the time in which lanes took no requests.
  private static let pausedShare = 0.1

  /// One thing that could set the limit.
  struct Finding {
    let name: String
    /// Part of its whole that is used; nil where that could not be told.
    let share: Double?
    let isLimit: Bool
    let evidence: String
  }

  let findings: [Finding]

  init(_ outcome: RunOutcome, ceiling: Ceiling?) {
    let verdict = RunVerdict(outcome)
    let workers = Self.workers(outcome)
    findings = [
      Self.generator(outcome, verdict), Self.transport(outcome, ceiling), Self.loop(outcome, workers), workers,
      Self.backPressure(outcome, verdict), Self.machine(outcome),
    ]
  }

  /// What sets the limit, the most telling first; empty where nothing is used up.
  var limits: [Finding] { findings.filter(\.isLimit) }

  var summary: String {
    limits.isEmpty
      ? "nothing is used up: " + findings.map(\.evidence).joined(separator: "; ")
      : limits.map { "\($0.name) (\($0.evidence))" }.joined(separator: "; ")
  }

  private static func generator(_ outcome: RunOutcome, _ verdict: RunVerdict) -> Finding {
    let reasons = verdict.generatorLimits
    return Finding(
      name: "the load tester itself", share: outcome.processors.generatorBusy, isLimit: !reasons.isEmpty,
      evidence: reasons.isEmpty
        ? "the generator was busy \(Units.percent(outcome.processors.generatorBusy))" : reasons.joined(separator: "; "))
  }

  /// By what libzmq alone does, and by the daemon's own thread that moves its messages: what it must do beside one is
  /// in neither's reach.
  private static func transport(_ outcome: RunOutcome, _ ceiling: Ceiling?) -> Finding {
    let name = "the transport at its ceiling"
    let reached = ceiling.flatMap { $0.echo > 0 ? outcome.total.batchesPerSecond / $0.echo : nil }
    let thread = outcome.processors.daemonTransport
    let evidence = [
      reached.map { "\(Units.digits($0)) of libzmq alone" } ?? "what libzmq alone does here was not measured",
      thread.map { "the daemon's I/O thread was busy \($0.description)" },
    ].compactMap { $0 }
    let share = [reached, thread?.mostTelling].compactMap { $0 }.max()
    return Finding(
      name: name, share: share, isLimit: (share ?? 0) > fullShare, evidence: evidence.joined(separator: "; "))
  }

  /// What the daemon's main thread does besides computing: taking requests, reading them, sending results.
  private static func loop(_ outcome: RunOutcome, _ workers: Finding) -> Finding {
    let name = "the daemon's loop"
    guard let thread = outcome.processors.daemonLoop else {
      return Finding(name: name, share: nil, isLimit: false, evidence: "the daemon's threads could not be read")
    }
    return Finding(
      name: name, share: thread.mostTelling, isLimit: thread.mostTelling > fullShare && !workers.isLimit,
      evidence: "the daemon's main thread was busy \(thread.description)")
  }

  private static func workers(_ outcome: RunOutcome) -> Finding {
    let name = "workers busy"
    if let difference = outcome.metrics.difference, let share = difference.workerBusyShare {
      return Finding(
        name: name, share: share, isLimit: share > fullShare,
        evidence: "workers busy \(Units.percent(share)) of the time by the daemon's metrics")
    }
    guard let cores = outcome.processors.daemonCores else {
      return Finding(
        name: name, share: nil, isLimit: false,
        evidence: "neither the daemon's metrics nor its process could be read")
    }
    // Without metrics, what the loop and the transport compute cannot be told from what the workers do.
    let share = cores / Double(max(outcome.daemon.workers, 1))
    return Finding(
      name: name, share: share, isLimit: share > fullShare,
      evidence: "the daemon computed on \(Units.digits(cores)) cores, and has \(outcome.daemon.workers) workers")
  }

  private static func backPressure(_ outcome: RunOutcome, _ verdict: RunVerdict) -> Finding {
    let turnedAway = outcome.total.turnedAwayCount
    let difference = outcome.metrics.difference
    let paused = difference?.pausedShare
    let evidence = [
      paused.map { "the lane paused \(Units.percent($0)) of the time" },
      (difference?.shedCount).flatMap { $0 > 0 ? "\(Units.count($0)) batches shed by the daemon's metrics" : nil },
      turnedAway > 0 ? "\(turnedAway) batches turned away" : nil,
      verdict.intendedRate == nil ? nil : "batches held up \(Units.percent(verdict.heldUpShare)) of the time",
    ].compactMap { $0 }
    return Finding(
      name: "back-pressure", share: paused, isLimit: turnedAway > 0 || (paused ?? 0) > pausedShare,
      evidence: evidence.isEmpty ? "no batch was turned away" : evidence.joined(separator: ", "))
  }

  private static func machine(_ outcome: RunOutcome) -> Finding {
    let processors = outcome.processors
    guard let busy = processors.machineBusy else {
      return Finding(name: "the machine's processors", share: nil, isLimit: false, evidence: "/proc/stat tells nothing")
    }
    let daemon =
      processors.daemonCores.map { "\(Units.digits($0)) of \(processors.processorCount) by the daemon, " } ?? ""
    let others = processors.othersCores.map { ", \(Units.digits($0)) by others" } ?? ""
    return Finding(
      name: "the machine's processors", share: busy, isLimit: busy > 0.95,
      evidence:
        "processors busy \(Units.percent(busy)): \(daemon)\(Units.digits(processors.ownCores)) by the load tester\(others)"
    )
  }
}
