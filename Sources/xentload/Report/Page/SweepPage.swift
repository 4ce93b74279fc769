/// A sweep as a page with charts.
struct SweepPage {
  private let sweep: Sweep

  init(_ sweep: Sweep) { self.sweep = sweep }

  var html: String {
    guard let first = sweep.points.first?.outcome else { return "" }
    return Page(
      title: "xentload sweep",
      subtitle: [
        "\(first.workload); \(Units.bytes(first.requestByteCount)) a request",
        "xentd \(first.daemon.version) (\(first.daemon.kernel), \(first.daemon.workers) workers) at "
          + first.plan.endpoints.description,
        boundText,
      ],
      warnings: sweep.points.flatMap { point in
        point.outcome.violations.kept.map { "WRONG at \(point.name): \($0)" }
      } + sweep.notes,
      tiles: tiles, sections: [latency, throughput, split, way, table]
    ).html
  }

  private var tiles: [(value: String, label: String)] {
    var tiles: [(value: String, label: String)] = []
    if let knee = sweep.knee {
      tiles.append((Units.digits(knee.throughput), "batches/s at the knee (\(sweep.slo.text))"))
      tiles.append((Units.bytes(knee.outcome.total.bytesPerSecond) + "/s", "at the knee"))
      tiles.append((Units.seconds(knee.outcome.total.latencies.corrected.seconds(at: 99)), "p99 at the knee"))
    } else {
      tiles.append(("none", "no load meets \(sweep.slo.text)"))
    }
    if let most = sweep.saturation { tiles.append((Units.digits(most.throughput), "batches/s at the most")) }
    if let ceiling = sweep.ceiling, let most = sweep.saturation {
      tiles.append((Units.digits(most.throughput / ceiling.echo), "of libzmq alone, at the most"))
    }
    return tiles
  }

  private var isOpen: Bool { sweep.points.contains { $0.rate != nil } }

  private func load(_ point: SweepPoint) -> Double { point.rate ?? Double(point.window) }

  private var loads: Axis {
    Axis(
      isOpen ? "batches/s that were due" : "batches in flight", isOpen ? .linear : .logarithmic,
      fitting: sweep.points.map(load), format: { Units.digits($0) })
  }

  private func curve(_ name: String, _ color: Int, _ value: (SweepPoint) -> Double) -> Chart.Series {
    Chart.Series(name: name, color: color, points: sweep.points.map { (load($0), value($0)) }, hasDots: true)
  }

  private var kneeMark: [Chart.Mark] {
    sweep.knee.map { [Chart.Mark(value: load($0), direction: .vertical, label: "knee")] } ?? []
  }

  private var latency: String {
    let series = [(50.0, 1), (99, 2), (99.9, 3)].map { percentile, color in
      curve("p\(Units.digits99(percentile))", color) {
        $0.outcome.total.latencies.corrected.seconds(at: percentile)
      }
    }
    var marks = kneeMark
    var values = series.flatMap { $0.points.map(\.y) }
    if case .percentile = sweep.slo.metric {
      marks.append(Chart.Mark(value: sweep.slo.limit, direction: .horizontal, label: sweep.slo.text))
      // Shown where it does not press the curves flat.
      if sweep.slo.limit < (values.max() ?? 0) * 20 { values.append(sweep.slo.limit) }
    }
    return Chart(
      title: "Latency against load", explanation: "Corrected: from the time at which a batch should have left.",
      x: loads,
      y: Axis("latency", .logarithmic, fitting: values, format: { Units.seconds($0) }),
      series: series, marks: marks
    ).html
  }

  private var throughput: String {
    let most = sweep.points.map(\.throughput).max() ?? 0
    var marks = kneeMark
    if let ceiling = sweep.ceiling {
      marks.append(Chart.Mark(value: ceiling.echo, direction: .horizontal, label: "libzmq alone, with a reply to each"))
    }
    let values = sweep.points.map(\.throughput) + (sweep.ceiling.map { $0.echo < most * 3 ? [$0.echo] : [] } ?? [])
    if let ceiling = sweep.ceiling, ceiling.echo >= most * 3 { marks.removeLast() }
    return Chart(
      title: "Throughput against load", explanation: "Batches whose results came, a second.", x: loads,
      y: Axis("batches/s", .linear, fitting: values, format: { Units.digits($0) }),
      series: [curve("batches/s", 1, \.throughput)], marks: marks
    ).html
  }

  private var split: String {
    let series = [
      curve("queue", 1) { $0.outcome.total.latencies.queue.meanSeconds },
      curve("compute", 2) { $0.outcome.total.latencies.compute.meanSeconds },
      curve("network", 3) { $0.outcome.total.latencies.network.meanSeconds },
    ]
    return Chart(
      title: "Where the time goes, against load",
      explanation: "Means. Queue: from sending to the start of the computation. Network: the way back.", x: loads,
      y: Axis("mean", .logarithmic, fitting: series.flatMap { $0.points.map(\.y) }, format: { Units.seconds($0) }),
      series: series, marks: kneeMark
    ).html
  }

  private var boundText: String {
    guard let index = sweep.boundIndex, let bound = sweep.bound else { return "" }
    return "What bounds it, judged at \(sweep.points[index].name): \(bound.summary)"
  }

  private var way: String {
    guard let index = sweep.boundIndex else { return "" }
    let point = sweep.points[index]
    return Page.table(
      "The way of a batch at \(point.name)", BatchWay.titles, BatchWay(point.outcome).steps.map(\.cells))
  }

  private var table: String {
    Page.table(
      "All loads",
      ["load", "batches/s", "bytes/s", "p50", "p99", "p99.9", "daemon cores", "workers busy", "lane paused", ""],
      sweep.points.enumerated().map { index, point in
        let corrected = point.outcome.total.latencies.corrected.histogram
        return [
          point.name, Units.digits(point.throughput), Units.bytes(point.outcome.total.bytesPerSecond) + "/s",
          Units.seconds(corrected.seconds(at: 50)), Units.seconds(corrected.seconds(at: 99)),
          Units.seconds(corrected.seconds(at: 99.9)), point.outcome.processors.daemonCores.map(Units.digits) ?? "?",
          point.outcome.metrics.difference?.workerBusyShare.map(Units.percent) ?? "?",
          point.outcome.metrics.difference?.pausedShare.map(Units.percent) ?? "?",
          index == sweep.kneeIndex ? "knee" : point.meets(sweep.slo) ? "" : "misses",
        ]
      })
  }
}
