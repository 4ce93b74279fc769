/// The way of a batch, from when it should have left to its result: what the load tester saw and what the daemon's own
/// stages say of the same time, joined.
struct BatchWay {
  struct Step {
    let name: String
    /// Who tells of it.
    let teller: String
    let mean: String
    let p50: String
    let p99: String

    var cells: [String] { [name, teller, mean, p50, p99] }
  }

  static let titles = ["step", "told by", "mean", "p50", "p99"]

  let steps: [Step]

  init(_ outcome: RunOutcome) {
    let latencies = outcome.total.latencies
    let waited = latencies.corrected.meanSeconds - latencies.uncorrected.meanSeconds
    var steps = [
      Step(name: "waits to be sent", teller: "load tester", mean: Units.seconds(max(0, waited)), p50: "", p99: "")
    ]
    steps.append(Self.step("queue", "results", latencies.queue.histogram))
    steps += (outcome.metrics.difference?.stages ?? []).map(Self.step)
    steps.append(Self.step("compute", "results", latencies.compute.histogram))
    steps.append(Self.step("network", "load tester", latencies.network.histogram))
    steps.append(Self.step("in all", "load tester", latencies.corrected.histogram))
    self.steps = steps
  }

  private static func step(_ name: String, _ teller: String, _ histogram: LatencyHistogram) -> Step {
    Step(
      name: name, teller: teller, mean: Units.seconds(histogram.meanSeconds),
      p50: Units.seconds(histogram.seconds(at: 50)), p99: Units.seconds(histogram.seconds(at: 99)))
  }

  private static func step(_ stage: MetricsDifference.Stage) -> Step {
    Step(
      name: "  " + stage.name, teller: "daemon", mean: Units.seconds(stage.meanSeconds), p50: Units.atMost(stage.p50),
      p99: Units.atMost(stage.p99))
  }
}

extension Units {
  /// The upper bound of a percentile, by the bucket of a histogram in which it lies: `<= 5 ms`.
  static func atMost(_ seconds: Double) -> String {
    seconds == .infinity ? "> 10 s" : "<= \(Units.seconds(seconds))"
  }
}
