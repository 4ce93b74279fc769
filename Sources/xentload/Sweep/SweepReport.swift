import XentProtocol

/// What `xentload sweep` prints.
struct SweepReport {
  let sweep: Sweep

  /// For people.
  var text: String {
    guard let first = sweep.points.first?.outcome else { return "nothing was measured" }
    var table = TextTable([
      "load", "batches/s", "", "p50", "p99", "p99.9", "queue p50", "compute p50", "network p50", "",
    ])
    for (index, point) in sweep.points.enumerated() {
      let latencies = point.outcome.total.latencies
      table.add([
        point.name, Units.digits(point.throughput), "\(Units.bytes(point.outcome.total.bytesPerSecond))/s",
        Units.seconds(latencies.corrected.seconds(at: 50)), Units.seconds(latencies.corrected.seconds(at: 99)),
        Units.seconds(latencies.corrected.seconds(at: 99.9)), Units.seconds(latencies.queue.seconds(at: 50)),
        Units.seconds(latencies.compute.seconds(at: 50)), Units.seconds(latencies.network.seconds(at: 50)),
        index == sweep.kneeIndex ? "<- knee" : point.meets(sweep.slo) ? "" : "misses \(sweep.slo.text)",
      ])
    }
    var lines = [
      "\(first.workload); \(Units.bytes(first.requestByteCount)) a request",
      "xentd \(first.daemon.version) (\(first.daemon.kernel), \(first.daemon.workers) workers) at "
        + first.plan.endpoints.description, "", table.text, "", conclusion,
    ]
    if let index = sweep.boundIndex, let bound = sweep.bound {
      let point = sweep.points[index]
      lines.append("what bounds it, judged at \(point.name): \(bound.summary)")
      lines += ["", "the way of a batch at \(point.name):", Self.way(point.outcome), ""]
    }
    if case .unavailable(let reason) = first.metrics {
      lines.append("the daemon's own metrics were not read: \(reason)")
    }
    lines += sweep.notes.map { "note: " + $0 }
    lines += sweep.points.flatMap { point in
      point.outcome.violations.kept.map { "WRONG at \(point.name): \($0)" }
    }
    return lines.joined(separator: "\n")
  }

  private static func way(_ outcome: RunOutcome) -> String {
    var table = TextTable(BatchWay.titles)
    BatchWay(outcome).steps.forEach { table.add($0.cells) }
    return table.text
  }

  private var conclusion: String {
    guard let knee = sweep.knee else { return "knee: none; the lowest load misses \(sweep.slo.text)" }
    let ceiling = sweep.ceiling.map { ", \(Units.digits(knee.throughput / $0.echo)) of libzmq alone" } ?? ""
    return "knee under \(sweep.slo.text): \(knee.name), \(Units.bytes(knee.outcome.total.bytesPerSecond))/s\(ceiling), "
      + "p99 \(Units.seconds(knee.outcome.total.latencies.corrected.seconds(at: 99)))"
  }

  /// For programs: holds to `Documentation/xentload.schema.json`.
  var json: JSON {
    .object([
      ("kind", .string("sweep")), ("schema", .string(ReportSchema.name)), ("slo", .string(sweep.slo.text)),
      (
        "points",
        .array(sweep.points.map { .object($0.outcome.jsonMembers + [("meets_slo", .bool($0.meets(sweep.slo)))]) })
      ),
      ("knee", sweep.kneeIndex.map { .integer($0) } ?? .null), ("ceiling", sweep.ceiling?.json ?? .null),
      ("bound", boundJSON), ("notes", .array(sweep.notes.map(JSON.string))),
    ])
  }

  private var boundJSON: JSON {
    guard let index = sweep.boundIndex, let bound = sweep.bound else { return .null }
    return .object([
      ("point", .integer(index)), ("limits", .array(bound.limits.map { .string($0.name) })),
      (
        "findings",
        .array(
          bound.findings.map {
            .object([
              ("name", .string($0.name)), ("share", $0.share.json), ("is_limit", .bool($0.isLimit)),
              ("evidence", .string($0.evidence)),
            ])
          })
      ),
    ])
  }
}
