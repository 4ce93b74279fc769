/// A run as a page with charts.
struct RunPage {
  private let outcome: RunOutcome
  private let verdict: RunVerdict
  private var total: Interval { outcome.total }

  init(_ outcome: RunOutcome) {
    self.outcome = outcome
    verdict = RunVerdict(outcome)
  }

  var html: String {
    let corrected = total.latencies.corrected.histogram
    return Page(
      title: "xentload run",
      subtitle: [
        "\(outcome.workload); \(Units.bytes(outcome.requestByteCount)) a request",
        "xentd \(outcome.daemon.version) (\(outcome.daemon.kernel), \(outcome.daemon.workers) workers) at "
          + outcome.plan.endpoints.description,
        outcome.plan.description, verdict.stability,
      ],
      warnings: outcome.violations.kept.map { "WRONG: \($0)" } + verdict.notes,
      tiles: [
        (Units.digits(total.batchesPerSecond), "batches/s"), (Units.bytes(total.bytesPerSecond) + "/s", "of requests"),
        (Units.seconds(corrected.seconds(at: 50)), "p50"), (Units.seconds(corrected.seconds(at: 99)), "p99"),
        (Units.seconds(corrected.seconds(at: 99.9)), "p99.9"),
        (Units.count(Double(outcome.violations.count)), "results wrong or missing"),
      ] + ceilingTile,
      sections: [throughput, latencyOverTime, distribution, split, parts, table, way]
    ).html
  }

  private var ceilingTile: [(value: String, label: String)] {
    outcome.ceiling.map { [(Units.digits(total.batchesPerSecond / $0.echo), "of libzmq alone")] } ?? []
  }

  private var moments: [Timeline.Moment] { outcome.timeline.moments }

  private var time: Axis {
    Axis("seconds", .linear, fitting: moments.map(\.end), format: { Units.digits($0) })
  }

  private func overTime(_ name: String, _ color: Int, _ value: (Timeline.Moment) -> Double) -> Chart.Series {
    Chart.Series(name: name, color: color, points: moments.map { (($0.start + $0.end) / 2, value($0)) })
  }

  private var throughput: String {
    Chart(
      title: "Throughput over time", explanation: "Batches whose results came, a second.", x: time,
      y: Axis("batches/s", .linear, fitting: moments.map(\.batchesPerSecond), format: { Units.digits($0) }),
      series: [overTime("batches/s", 1, \.batchesPerSecond)]
    ).html
  }

  private var latencyOverTime: String {
    Chart(
      title: "Latency over time", explanation: "Corrected: from the time at which a batch should have left.", x: time,
      y: Axis(
        "latency", .logarithmic, fitting: moments.flatMap { [$0.p50, $0.maximum] }, format: { Units.seconds($0) }),
      series: [overTime("p50", 1, \.p50), overTime("p99", 2, \.p99), overTime("max", 3, \.maximum)]
    ).html
  }

  private var distribution: String {
    percentileChart(
      "Latency distribution",
      "Each nine is as wide as the one before. Where the curves part, batches waited to be sent: a tester that counts "
        + "from sending does not see it.",
      [
        ("corrected", 1, total.latencies.corrected.histogram),
        ("uncorrected", 2, total.latencies.uncorrected.histogram),
      ], dashed: 2)
  }

  private var parts: String {
    percentileChart(
      "The parts by percentile", "Percentiles of each part by itself: they do not add up.",
      [
        ("queue", 1, total.latencies.queue.histogram), ("compute", 2, total.latencies.compute.histogram),
        ("network", 3, total.latencies.network.histogram),
      ])
  }

  private func percentileChart(
    _ title: String, _ explanation: String, _ curves: [(String, Int, LatencyHistogram)], dashed: Int? = nil
  ) -> String {
    let series = curves.map { name, color, histogram in
      Chart.Series(
        name: name, color: color, points: Self.percentilePoints(histogram), isDashed: color == dashed)
    }
    let points = series.flatMap(\.points)
    return Chart(
      title: title, explanation: explanation,
      x: Axis("percentile", .nines, fitting: points.map(\.x), format: { Units.digits99($0) }),
      y: Axis("latency", .logarithmic, fitting: points.map(\.y), format: { Units.seconds($0) }), series: series
    ).html
  }

  /// Percentiles up to the last that so many values can tell.
  private static func percentilePoints(_ histogram: LatencyHistogram) -> [(x: Double, y: Double)] {
    guard histogram.totalCount > 0 else { return [] }
    let last = 100 - 100 / Double(max(histogram.totalCount, 2))
    return histogram.percentiles(ticksPerHalfDistance: 10).filter { $0.percentileLevelIteratedTo <= last }.map {
      ($0.percentileLevelIteratedTo, Double(nanoseconds: $0.value))
    }
  }

  private var split: String {
    Page.bar(
      "Where the time goes",
      "Means. Queue: from sending to the start of the computation, the way to the daemon included. Network: the way back.",
      [
        ("queue", total.latencies.queue.meanSeconds), ("compute", total.latencies.compute.meanSeconds),
        ("network", total.latencies.network.meanSeconds),
      ])
  }

  private var way: String {
    Page.table("The way of a batch", BatchWay.titles, BatchWay(outcome).steps.map(\.cells))
  }

  private var table: String {
    Page.table(
      "Latency",
      ["latency", "mean"] + RunReport.percentiles.map { "p\(Units.digits99($0))" } + ["max"],
      total.latencies.named.map { name, histogram in
        [name, Units.seconds(histogram.meanSeconds)]
          + RunReport.percentiles.map { Units.seconds(histogram.seconds(at: $0)) }
          + [Units.seconds(histogram.seconds(at: 100))]
      })
  }
}
