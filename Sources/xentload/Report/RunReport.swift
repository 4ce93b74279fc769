/// What `xentload run` prints.
struct RunReport {
  let outcome: RunOutcome

  static let percentiles: [Double] = [50, 90, 99, 99.9, 99.99]

  private var total: Interval { outcome.total }
  private var verdict: RunVerdict { RunVerdict(outcome) }

  /// For people.
  var text: String {
    var sections = [heading, throughput, latencies, facts]
    let notes = verdict.notes.map { "note: " + $0 } + outcome.violations.kept.map { "WRONG: \($0)" }
    if !notes.isEmpty { sections.append(notes.joined(separator: "\n")) }
    return sections.joined(separator: "\n\n")
  }

  private var heading: String {
    let count = outcome.timeline.windows.count
    let counted =
      outcome.countedWindowCount == count
      ? "\(count) windows" : "the last \(outcome.countedWindowCount) of \(count) windows"
    return """
      \(outcome.workload); \(Units.bytes(outcome.requestByteCount)) a request
      xentd \(outcome.daemon.version) (\(outcome.daemon.kernel), \(outcome.daemon.workers) workers) at \
      \(outcome.plan.endpoints.description)
      \(outcome.plan.description); \(counted), \(Units.seconds(total.seconds))
      \(verdict.stability)
      """
  }

  private var throughput: String {
    var lines = [
      "throughput  \(Units.digits(total.batchesPerSecond)) batches/s, \(Units.count(total.rowsPerSecond)) rows/s, "
        + "\(Units.bytes(total.bytesPerSecond))/s"
    ]
    if let ceiling = outcome.ceiling {
      lines.append(
        "            \(Units.digits(total.batchesPerSecond / ceiling.echo)) of libzmq alone with a reply to each "
          + "(\(Units.count(ceiling.echo))/s), \(Units.digits(total.batchesPerSecond / ceiling.oneWay)) of one way "
          + "(\(Units.count(ceiling.oneWay))/s)")
    }
    return lines.joined(separator: "\n")
  }

  private var latencies: String {
    var table = TextTable(["latency", "mean"] + Self.percentiles.map { "p\(Units.digits99($0))" } + ["max"])
    for (name, histogram) in total.latencies.named {
      table.add(
        [name, Units.seconds(histogram.meanSeconds)] + Self.percentiles.map { Units.seconds(histogram.seconds(at: $0)) }
          + [Units.seconds(histogram.seconds(at: 100))])
    }
    return table.text
  }

  private var facts: String {
    var lines = ["verified    \(verified)"]
    if total.turnedAwayCount > 0 {
      let counts = total.turnedAwayCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      lines.append("turned away \(counts.joined(separator: ", "))")
    }
    if outcome.lateResultCount > 0 {
      lines.append("in flight   \(outcome.lateResultCount) batches when measuring ended; their latencies count")
    }
    lines.append("processors  \(processors)")
    if verdict.intendedRate != nil { lines.append("late sends  \(lateness)") }
    lines.append("daemon      \(daemonMetrics)")
    return lines.joined(separator: "\n")
  }

  private var verified: String {
    let compared =
      outcome.plan.verification == .off
      ? "none was compared (--verify off)"
      : "\(Units.count(Double(outcome.verifiedCount))) were compared"
    let count = outcome.violations.count
    return compared + (count == 0 ? "; nothing wrong, missing, foreign or duplicated" : "; \(count) WRONG")
  }

  private var processors: String {
    let report = outcome.processors
    let daemon =
      report.daemonCores.map { "\(Units.digits($0)) cores" } ?? "unknown (no process of this machine's, or --pid)"
    return "daemon \(daemon); load tester \(Units.digits(report.ownCores)), its thread busy "
      + "\(Units.percent(report.generatorBusy)), its I/O thread \(Units.percent(report.ioThreadCores)); "
      + "machine \(report.machineBusy.map(Units.percent) ?? "?") of \(report.processorCount)"
  }

  private var lateness: String {
    let lateness = total.lateness.histogram
    guard lateness.totalCount > 0 else { return "none left with nothing in its way" }
    return "p50 \(Units.seconds(lateness.seconds(at: 50))), p99 \(Units.seconds(lateness.seconds(at: 99))), "
      + "max \(Units.seconds(lateness.seconds(at: 100))) by the generator's own fault"
  }

  private var daemonMetrics: String {
    switch outcome.metrics {
    case .unavailable(let reason): return "its own metrics were not read: \(reason)"
    case .read(let difference):
      guard !difference.stages.isEmpty else { return "its own metrics tell nothing of its stages" }
      let stages = difference.stages.map {
        "\($0.name) \(Units.seconds($0.meanSeconds)) (p99 \(Units.atMost($0.p99)))"
      }
      let shares = [
        difference.workerBusyShare.map { "workers busy \(Units.percent($0))" },
        difference.pausedShare.map { "lane paused \(Units.percent($0))" },
      ].compactMap { $0 }
      let indent = String(repeating: " ", count: 12)
      return stages.joined(separator: ", ") + "\n" + indent
        + (shares + ["by its own metrics"]).joined(separator: ", ")
    }
  }
}

extension Latencies {
  var named: [(String, LatencyHistogram)] {
    [
      ("corrected", corrected.histogram), ("uncorrected", uncorrected.histogram), ("  queue", queue.histogram),
      ("  compute", compute.histogram), ("  network", network.histogram),
    ]
  }
}

extension Units {
  /// A percentile's name: `99.99`.
  static func digits99(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }
}

extension LoadPlan {
  /// `closed loop, 8 in flight on each of 2 connections`
  var description: String {
    let connections = connectionCount == 1 ? "1 connection" : "each of \(connectionCount) connections"
    let threads = threadCount == 1 ? "" : ", \(threadCount) threads"
    switch pace {
    case .closed: return "closed loop, \(window) in flight on \(connections)\(threads)"
    case .open(let rate, let pattern):
      return
        "open loop, \(Units.digits(rate)) batches/s with \(pattern.rawValue) arrivals, at most \(window) in flight on "
        + "\(connections)\(threads)"
    }
  }
}
