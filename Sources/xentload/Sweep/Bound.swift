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
    findings = [
      Self.generator(outcome, verdict), Self.transport(outcome, ceiling), Self.workers(outcome),
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

  private static func transport(_ outcome: RunOutcome, _ ceiling: Ceiling?) -> Finding {
    guard let ceiling, ceiling.echo > 0 else {
      return Finding(
        name: "the transport", share: nil, isLimit: false, evidence: "what libzmq alone does here was not measured")
    }
    let share = outcome.total.batchesPerSecond / ceiling.echo
    return Finding(
      name: "the transport at its ceiling", share: share, isLimit: share > fullShare,
      evidence: "\(Units.digits(share)) of libzmq alone")
  }

  private static func workers(_ outcome: RunOutcome) -> Finding {
    if let difference = outcome.metrics.difference, let busy = difference.workerBusySeconds,
      let workers = difference.workers, workers > 0
    {
      let share = busy / (workers * outcome.total.measuredSeconds(outcome.timeline))
      return Finding(
        name: "workers busy", share: share, isLimit: share > fullShare,
        evidence: "workers busy \(Units.percent(share)) of the time by the daemon's metrics")
    }
    guard let cores = outcome.processors.daemonCores else {
      return Finding(
        name: "workers busy", share: nil, isLimit: false,
        evidence: "neither the daemon's metrics nor its process could be read")
    }
    let share = cores / Double(max(outcome.daemon.workers, 1))
    return Finding(
      name: "workers busy", share: share, isLimit: share > fullShare,
      evidence: "the daemon computed on \(Units.digits(cores)) cores, and has \(outcome.daemon.workers) workers")
  }

  private static func backPressure(_ outcome: RunOutcome, _ verdict: RunVerdict) -> Finding {
    let turnedAway = outcome.total.turnedAwayCount
    let paused = outcome.metrics.difference?.pausedSeconds.map {
      $0 / outcome.total.measuredSeconds(outcome.timeline)
    }
    let evidence = [
      paused.map { "lanes paused \(Units.percent($0)) of the time" },
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

extension Interval {
  /// Of all that was measured: what the daemon's metrics were read for.
  fileprivate func measuredSeconds(_ timeline: Timeline) -> Double {
    let seconds = timeline.windows.reduce(0) { $0 + $1.seconds }
    return seconds > 0 ? seconds : self.seconds
  }
}
