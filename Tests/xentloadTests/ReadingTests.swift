import Testing

@testable import xentload

@Suite("What users and daemons write")
struct ReadingTests {
  @Test(
    "conditions",
    arguments: [
      ("p99<5ms", Condition.Metric.percentile(99), Condition.Comparison.less, 0.005),
      ("p99.99 >= 250us", .percentile(99.99), .atLeast, 0.00025), ("max<=1s", .maximum, .atMost, 1),
      ("mean>800ns", .mean, .more, 8e-7), ("throughput<2000", .throughput, .less, 2000),
      ("errors>0", .errors, .more, 0),
    ])
  func conditions(text: String, metric: Condition.Metric, comparison: Condition.Comparison, limit: Double) throws {
    let condition = try #require(Condition(argument: text))
    #expect(condition.metric == metric && condition.comparison == comparison)
    #expect(abs(condition.limit - limit) <= limit * 1e-12)
  }

  @Test(
    "what is no condition",
    arguments: ["", "p99", "p99<", "p99<5", "p101<5ms", "p0<1s", "q99<5ms", "p99<-1ms", "throughput<5ms", "p99=5ms"])
  func noConditions(text: String) { #expect(Condition(argument: text) == nil) }

  @Test("Prometheus text")
  func prometheus() {
    let text = PrometheusText(
      """
      # HELP a_total Things.
      # TYPE a_total counter
      a_total 3
      b_bucket{stage="queue",le="0.001"} 4 1700000000
      b_bucket{stage="queue",le="+Inf"} 7
      b_bucket{stage="quo\\"te, }",le="+Inf"} 2e3
      c +Inf
      nonsense
      d{e=
      d{e="f
      """)
    #expect(text.samples.count == 5)
    #expect(text.sum("a_total") == 3 && text.sum("c") == .infinity && text.sum("d") == nil)
    #expect(text.sum("b_bucket", ["stage": "queue", "le": "+Inf"]) == 7)
    #expect(text.sum("b_bucket", ["le": "+Inf"]) == 2007)
    #expect(text.values(of: "stage", in: "b_bucket") == ["queue", "quo\"te, }"])
  }

  @Test("what a daemon's histogram of a stage gained, with the bounds of its percentiles")
  func stages() throws {
    func exposition(_ counts: [Int], sum: Double) -> PrometheusText {
      let buckets = zip(["0.001", "0.01", "+Inf"], counts).map {
        "xentd_stage_duration_seconds_bucket{stage=\"queue\",le=\"\($0)\"} \($1)\n"
      }
      return PrometheusText(
        buckets.joined() + "xentd_stage_duration_seconds_sum{stage=\"queue\"} \(sum)\n"
          + "xentd_stage_duration_seconds_count{stage=\"queue\"} \(counts[2])\n")
    }
    let difference = MetricsDifference(
      from: exposition([10, 10, 10], sum: 1), to: exposition([100, 109, 110], sum: 3), lane: "a", seconds: 2)
    let stage = try #require(difference.stages.first)
    #expect(stage.name == "queue" && stage.count == 100 && stage.meanSeconds == 0.02)
    #expect(stage.p50 == 0.001 && stage.p99 == 0.01)
  }

  @Test(
    "figures as people read them",
    arguments: [
      (0.0, "0"), (1234.4, "1,234"), (12.345, "12.3"), (0.012345, "0.0123"), (999.6, "1,000"), (-1.5, "-1.5"),
      (1_234_567, "1,234,567"),
    ])
  func digits(value: Double, text: String) { #expect(Units.digits(value) == text) }

  @Test(
    "times and sizes",
    arguments: [
      (Units.seconds(1.5e-9), "1.5 ns"), (Units.seconds(0.0000123), "12.3 µs"), (Units.seconds(0.5), "500 ms"),
      (Units.seconds(61), "61 s"), (Units.seconds(.nan), "-"), (Units.bytes(4_194_304), "4.19 MB"),
      (Units.bytes(12), "12 B"), (Units.percent(0.123), "12.3 %"),
    ])
  func units(text: String, expected: String) { #expect(text == expected) }

  @Test("addresses of metrics")
  func addresses() {
    func parts(_ text: String) -> [String] { MetricsSource(text).map { [$0.address.description, $0.path] } ?? [] }
    #expect(parts("unix:/run/x.sock") == ["/run/x.sock", "/metrics"])
    #expect(parts("http://127.0.0.1:9464/page") == ["127.0.0.1:9464", "/page"])
    #expect(parts("http://[::1]:9464") == ["[::1]:9464", "/metrics"])
    for text in ["ftp://x:1", "http://x", "unix:x"] { #expect(parts(text) == []) }
  }
}
