/// What the figures of a run are worth: whether they repeat, and whether it was the load tester that set the limit.
struct RunVerdict {
  private static let busyShare = 0.95
  /// A send that nothing held up should not leave later than this.
  private static let lateSeconds = 1e-3
  /// So many sends may be late before the generator is to blame, in percent.
  private static let lateAllowance = 1.0
  /// An open loop that sends less than this share of its rate is behind.
  private static let keptShare = 0.98

  /// Cores that neither daemon nor load tester used, where the figures are still worth something.
  static let othersAllowance = 0.15

  private let outcome: RunOutcome

  init(_ outcome: RunOutcome) { self.outcome = outcome }

  /// Why the generator was the limit; empty where it was not.
  var generatorLimits: [String] {
    let processors = outcome.processors
    var reasons: [String] = []
    if outcome.plan.pace == .closed, processors.generatorBusy > Self.busyShare {
      reasons.append("its thread was busy \(Units.percent(processors.generatorBusy)) of the time; try --threads")
    }
    if processors.ioThreadCores > Self.busyShare {
      reasons.append(
        "its I/O thread of libzmq was busy \(Units.percent(processors.ioThreadCores)) of the time: the sending side of the "
          + "transport; try --threads, each of which has its own")
    }
    if isLate {
      reasons.append(
        "p99 of its sends, with nothing in their way, left \(Units.seconds(latenessP99)) late")
    }
    return reasons
  }

  private var latenessP99: Double { outcome.total.lateness.seconds(at: 100 - Self.lateAllowance) }
  private var isLate: Bool { latenessP99 > Self.lateSeconds }

  /// The batches a second that were to be sent; nil in a closed loop.
  var intendedRate: Double? {
    if case .open(let rate, _) = outcome.plan.pace { return rate }
    return nil
  }

  /// Batches that left, a second.
  var sentRate: Double { Double(outcome.total.sentCount) / outcome.total.seconds }

  /// Whether the daemon kept up with the rate.
  var keepsUp: Bool {
    guard let rate = intendedRate else { return true }
    return outcome.total.batchesPerSecond >= Self.keptShare * rate
  }

  /// The share of the time in which a batch was due and could not leave, because the window was full or the socket had
  /// no room.
  var heldUpShare: Double {
    let share =
      Double(nanoseconds: outcome.total.heldUpNanoseconds) / outcome.total.seconds / Double(outcome.plan.threadCount)
    // What was held up when measuring began has waited for longer than that.
    return min(1, share)
  }

  /// What a reader must know, in sentences.
  var notes: [String] {
    var notes = generatorLimits.map { "the generator was the limit: \($0)" }
    if let rate = intendedRate, !keepsUp {
      notes.append(
        "the daemon did not keep up: \(Units.digits(rate)) batches/s were due, \(Units.digits(outcome.total.batchesPerSecond)) "
          + "came back; a batch was held up for \(Units.percent(heldUpShare)) of the time")
    }
    if let others = outcome.processors.othersCores, others > Self.othersAllowance {
      notes.append(
        "other processes used \(Units.digits(others)) of the machine's \(outcome.processors.processorCount) processors: "
          + "the figures are disturbed")
    } else if let busy = outcome.processors.machineBusy, busy > Self.busyShare {
      notes.append(
        "all \(outcome.processors.processorCount) processors of this machine were busy \(Units.percent(busy)) of the time: "
          + "daemon and load tester share them")
    }
    if outcome.wasInterrupted { notes.append("interrupted: the figures are of what was measured until then") }
    return notes
  }

  /// How far the last windows agree.
  var stability: String {
    let stability = outcome.stability
    guard let throughput = stability.throughputSpread, let p99 = stability.p99Spread else {
      return "not known to be stable: \(outcome.timeline.windows.count) windows, and three must agree"
    }
    let spread = "last three windows within \(Units.percent(throughput)) in throughput, \(Units.percent(p99)) in p99"
    return (stability.isStable ? "stable: " : "NOT STABLE: ") + spread
  }
}
