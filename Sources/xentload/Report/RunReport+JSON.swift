import XentProtocol

extension RunReport {
  /// For programs: holds to `Documentation/xentload.schema.json`.
  var json: JSON {
    .object([("kind", .string("run")), ("schema", .string(ReportSchema.name))] + outcome.jsonMembers)
  }
}

extension RunOutcome {
  /// Of a run, whether it stands alone or is a point of a sweep.
  var jsonMembers: [(String, JSON)] {
    let verdict = RunVerdict(self)
    return [
      ("workload", .string(workload)), ("request_bytes", .number(requestByteCount)),
      ("result_bytes", .number(resultByteCount)), ("daemon", daemonJSON), ("load", plan.json),
      ("seconds", .number(total.seconds)), ("batches", .integer(total.batchCount)), ("rows", .integer(total.rowCount)),
      ("batches_per_second", .number(total.batchesPerSecond)), ("rows_per_second", .number(total.rowsPerSecond)),
      ("bytes_per_second", .number(total.bytesPerSecond)), ("latency", total.latencies.json),
      ("windows", .array(timeline.windows.map(Self.windowJSON))), ("counted_windows", .integer(countedWindowCount)),
      ("stable", .bool(stability.isStable)), ("throughput_spread", stability.throughputSpread.json),
      ("p99_spread", stability.p99Spread.json), ("verification", verificationJSON),
      ("turned_away", .object(total.turnedAwayCounts.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
      ("results_after_end", .integer(lateResultCount)), ("generator", generatorJSON(verdict)),
      ("processors", processorsJSON), ("metrics", metricsJSON), ("ceiling", ceiling?.json ?? .null),
      ("interrupted", .bool(wasInterrupted)), ("notes", .array(verdict.notes.map(JSON.string))),
    ]
  }

  private var daemonJSON: JSON {
    .object([
      ("version", .string(daemon.version)), ("kernel", .string(daemon.kernel)), ("workers", .integer(daemon.workers)),
      ("endpoint", .string(plan.endpoints.description)),
    ])
  }

  private static func windowJSON(_ window: Interval) -> JSON {
    let corrected = window.latencies.corrected.histogram
    return .object([
      ("seconds", .number(window.seconds)), ("batches_per_second", .number(window.batchesPerSecond)),
      ("p50", .number(corrected.seconds(at: 50))), ("p99", .number(corrected.seconds(at: 99))),
    ])
  }

  private var verificationJSON: JSON {
    .object([
      ("mode", .string(plan.verification.rawValue)), ("compared", .integer(verifiedCount)),
      ("violations", .integer(violations.count)),
      (
        "first_violations",
        .array(
          violations.kept.map { .object([("kind", .string($0.kind)), ("what", .string($0.description))]) })
      ),
    ])
  }

  private func generatorJSON(_ verdict: RunVerdict) -> JSON {
    .object([
      ("was_limit", .bool(!verdict.generatorLimits.isEmpty)),
      ("reasons", .array(verdict.generatorLimits.map(JSON.string))),
      ("busy", .number(processors.generatorBusy)), ("io_thread_cores", .number(processors.ioThreadCores)),
      ("cores", .number(processors.ownCores)), ("sent_per_second", .number(verdict.sentRate)),
      ("held_up", .number(verdict.heldUpShare)), ("late_sends", total.lateness.histogram.json),
    ])
  }

  private var processorsJSON: JSON {
    .object([
      ("count", .integer(processors.processorCount)), ("daemon_cores", processors.daemonCores.json),
      ("machine_busy", processors.machineBusy.json), ("others_cores", processors.othersCores.json),
      ("daemon_loop", processors.daemonLoop.json), ("daemon_io_thread", processors.daemonTransport.json),
    ])
  }

  private var metricsJSON: JSON {
    switch metrics {
    case .unavailable(let reason): .object([("unavailable", .string(reason))])
    case .read(let difference): difference.json
    }
  }
}

extension Optional<ThreadShare> {
  fileprivate var json: JSON {
    map { .object([("busy", .number($0.computed)), ("busy_or_waiting", $0.wanted.json)]) } ?? .null
  }
}

extension MetricsDifference {
  var json: JSON {
    .object([
      (
        "stages",
        .array(
          stages.map {
            .object([
              ("name", .string($0.name)), ("count", .number($0.count)), ("mean", .number($0.meanSeconds)),
              ("p50_at_most", .number($0.p50)), ("p99_at_most", .number($0.p99)),
            ])
          })
      ),
      ("workers", workers.json), ("worker_busy_seconds", workerBusySeconds.json),
      ("worker_busy", workerBusyShare.json), ("receive_paused_seconds", pausedSeconds.json),
      ("receive_paused", pausedShare.json), ("shed", shedCount.json), ("processor_seconds", processorSeconds.json),
    ])
  }
}

extension Latencies {
  var json: JSON {
    .object([
      ("corrected", corrected.histogram.json), ("uncorrected", uncorrected.histogram.json),
      ("queue", queue.histogram.json), ("compute", compute.histogram.json), ("network", network.histogram.json),
    ])
  }
}

extension LatencyHistogram {
  /// In seconds; null where nothing was noted.
  var json: JSON {
    .object(
      [("count", .integer(Int(totalCount))), ("mean", .number(meanSeconds))]
        + RunReport.percentiles.map { ("p\(Units.digits99($0))", .number(seconds(at: $0))) }
        + [("max", .number(seconds(at: 100)))])
  }
}

extension LoadPlan {
  var json: JSON {
    var members: [(String, JSON)] = []
    switch pace {
    case .closed: members += [("loop", .string("closed")), ("rate", .null), ("arrivals", .null)]
    case .open(let rate, let pattern):
      members += [("loop", .string("open")), ("rate", .number(rate)), ("arrivals", .string(pattern.rawValue))]
    }
    return .object(
      members + [
        ("window", .integer(window)), ("connections", .integer(connectionCount)), ("threads", .integer(threadCount)),
        ("warm_up_seconds", .number(warmUpSeconds)), ("seed", .string("\(seed)")),
      ])
  }
}

extension Optional<Double> {
  var json: JSON { map { .number($0) } ?? .null }
}
