/// What the daemon's counters and histograms gained between two moments.
struct MetricsDifference: Sendable {
  struct Stage: Sendable {
    let name: String
    let count: Double
    let meanSeconds: Double
    /// Upper bounds: the end of the bucket in which the percentile lies; infinite in the last, which has none.
    let p50: Double
    let p99: Double
  }

  /// Between the two moments.
  let seconds: Double
  /// Of each batch's way through the daemon.
  let stages: [Stage]
  let workers: Double?
  /// Seconds that all workers together computed; nil where the daemon does not tell.
  let workerBusySeconds: Double?
  /// Seconds that the lane took no requests because its results waited.
  let pausedSeconds: Double?
  /// Requests of the lane that were refused for want of room or time.
  let shedCount: Double?
  /// Seconds that the daemon's process computed.
  let processorSeconds: Double?

  private static let stageName = "xentd_stage_duration_seconds"

  init(from before: PrometheusText, to after: PrometheusText, lane: String, seconds: Double) {
    func gain(_ name: String, _ labels: [String: String] = [:]) -> Double? {
      after.sum(name, labels).map { $0 - (before.sum(name, labels) ?? 0) }
    }
    self.seconds = seconds
    stages = after.values(of: "stage", in: Self.stageName + "_count").compactMap { stage in
      let labels = ["stage": stage]
      guard let count = gain(Self.stageName + "_count", labels), count > 0 else { return nil }
      let bounds = after.values(of: "le", in: Self.stageName + "_bucket").compactMap { text in
        (text == "+Inf" ? Double.infinity : Double(text)).map { ($0, text) }
      }.sorted { $0.0 < $1.0 }
      func percentile(_ share: Double) -> Double {
        bounds.first { (gain(Self.stageName + "_bucket", ["stage": stage, "le": $0.1]) ?? 0) >= share * count }?.0
          ?? .nan
      }
      return Stage(
        name: stage, count: count, meanSeconds: (gain(Self.stageName + "_sum", labels) ?? .nan) / count,
        p50: percentile(0.5), p99: percentile(0.99))
    }
    workers = after.sum("xentd_workers")
    workerBusySeconds = gain("xentd_worker_busy_seconds_total")
    pausedSeconds = gain("xentd_receive_paused_seconds_total", ["lane": lane])
    shedCount = gain("xentd_shed_total", ["lane": lane])
    processorSeconds = gain("process_cpu_seconds_total")
  }

  /// The cores that the daemon's process used.
  var cores: Double? { processorSeconds.map { $0 / seconds } }

  /// The part of their time in which the workers computed.
  var workerBusyShare: Double? {
    guard let busy = workerBusySeconds, let workers, workers > 0 else { return nil }
    return busy / (workers * seconds)
  }

  /// The part of the time in which the lane took no requests.
  var pausedShare: Double? { pausedSeconds.map { $0 / seconds } }
}
