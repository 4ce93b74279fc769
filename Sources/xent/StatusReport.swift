/// What `xent status` prints for people.
struct StatusReport {
  let status: DaemonStatus
  /// An earlier look at the same daemon: then traffic and times are of the time between. nil for all since its start.
  var earlier: DaemonStatus?
  let address: String

  var text: String {
    ([headline] + facts + [""] + stages + [""] + lanes).joined(separator: "\n")
  }

  private var headline: String {
    let name = "xentd \(status.version) at \(address)"
    guard !status.ready else { return "\(name): ready" }
    return "\(name): NOT READY: \(status.problems.joined(separator: "; "))"
  }

  private var facts: [String] {
    let rows =
      [
        (
          "computes",
          "\(status.kernel) kernel, \(counted(status.workers, "worker", "workers")), libzmq \(status.libzmq)"
        ),
        (
          "process",
          "pid \(status.pid), up \(age(status.uptimeSeconds)), \(quantity(status.process.residentBytes, "B")) of memory, "
            + "\(age(status.process.cpuSeconds)) of CPU, \(status.process.openDescriptors) descriptors"
        ),
        ("instance", status.instance),
        ("self-test", selfTest),
        ("configuration", configuration),
        ("in flight", inFlight),
        ("served", served),
      ] + (earlier == nil ? [] : [("now", rates)])
    return rows.map { "  " + $0.0 + String(repeating: " ", count: 15 - $0.0.count) + $0.1 }
  }

  private var selfTest: String {
    let test = status.selfTest
    guard test.periodSeconds > 0 else { return "off" }
    if let failure = test.lastFailure { return "FAILED: \(failure) (\(test.failures) of \(test.runs) runs)" }
    let last = test.lastSuccessAgeSeconds.map { "passed \(age($0)) ago" } ?? "not run yet"
    return "\(last), every \(quantity(test.periodSeconds, "s"))"
      + (test.failures > 0 ? ", \(test.failures) of \(test.runs) runs failed" : "")
  }

  private var configuration: String {
    let configuration = status.configuration
    let file = configuration.file ?? "the command line"
    guard configuration.reloads > 0 else { return file }
    var words = "\(file), reloaded \(counted(configuration.reloads, "time", "times"))"
    let waiting = configuration.waitingForRestart
    if !waiting.isEmpty { words += ", waits for a restart: \(waiting.joined(separator: ", "))" }
    return configuration.lastReloadError.map { "\(words), the last time REFUSED: \($0)" } ?? words
  }

  private var inFlight: String {
    let now = status.inFlight
    let percent = now.limitBytes > 0 ? now.bytes * 100 / now.limitBytes : 0
    return
      "\(counted(now.batches, "batch", "batches")), \(quantity(now.bytes, "B")) of \(quantity(now.limitBytes, "B")) "
      + "(\(percent) %)"
  }

  private var served: String {
    let counts = status.counts
    return "\(counted(counts.batches, "batch", "batches")), \(counted(counts.rows, "row", "rows")), "
      + "\(quantity(counts.requestBytes, "B")) in, \(quantity(counts.resultBytes, "B")) out; "
      + "\(quantity(counts.refusals)) refused, \(quantity(counts.droppedResults)) dropped"
  }

  private var rates: String {
    let rates = StatusRates(status, since: earlier)
    return
      "\(quantity(rates.batches)) batches/s, \(quantity(rates.rows)) rows/s, \(quantity(rates.bytesIn, "B/s")) in, "
      + "\(quantity(rates.bytesOut, "B/s")) out, \(Int((rates.cores * 100).rounded())) % CPU"
  }

  private var stages: [String] {
    let rows = ["queue", "decode", "compute", "reply"].compactMap { name -> [String]? in
      guard let stage = status.stages[name] else { return nil }
      let times = StageTimes(stage, since: earlier?.stages[name])
      let figures = [times.mean, times.quantile(0.5), times.quantile(0.9), times.quantile(0.99), times.quantile(0.999)]
      return [name, quantity(times.count)] + figures.map { $0.map(duration) ?? "-" }
    }
    return table([["stage", "batches", "mean", "p50", "p90", "p99", "p99.9"]] + rows)
  }

  private var lanes: [String] {
    let rows = status.lanes.map { lane in
      [
        lane.name, lane.kind, quantity(lane.batches), quantity(lane.rows), quantity(lane.requestBytes, "B"),
        quantity(lane.resultBytes, "B"), quantity(lane.refusals.values.reduce(0, +)), quantity(lane.droppedResults),
        quantity(lane.waitingBytes, "B"), lane.paused ? "PAUSED" : "open",
      ]
    }
    let head = ["lane", "kind", "batches", "rows", "in", "out", "refused", "dropped", "waiting", "state"]
    var lines = table([head] + rows)
    for lane in status.lanes {
      lines += lane.endpoints.map { "  \(lane.name): \($0.endpoint), \(counted($0.peers, "peer", "peers"))" }
      let refusals = lane.refusals.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      if !refusals.isEmpty { lines.append("  \(lane.name): refused \(refusals.joined(separator: ", "))") }
      let failures = lane.handshakeFailures.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      if !failures.isEmpty { lines.append("  \(lane.name): failed handshakes: \(failures.joined(separator: ", "))") }
      if lane.paused { lines.append("  \(lane.name): paused: nobody takes its \(lane.waitingResults) results") }
    }
    return lines
  }
}
