/// What a daemon's own metrics say of a run.
enum MetricsOutcome: Sendable {
  case unavailable(reason: String)
  case read(MetricsDifference)

  init(
    _ source: MetricsSource?, _ before: Result<PrometheusText, MetricsError>?,
    _ after: Result<PrometheusText, MetricsError>?
  ) {
    guard source != nil, let before, let after else {
      self = .unavailable(reason: "no metrics endpoint is known; name it with --metrics")
      return
    }
    switch (before, after) {
    case (.success(let before), .success(let after)):
      self = .read(MetricsDifference(from: before, to: after))
    case (.failure(let error), _), (_, .failure(let error)): self = .unavailable(reason: error.description)
    }
  }

  var difference: MetricsDifference? {
    if case .read(let difference) = self { return difference }
    return nil
  }
}

/// What the daemon's counters and histograms gained between two moments.
struct MetricsDifference: Sendable {
  struct Stage: Sendable {
    let name: String
    let count: Double
    let meanSeconds: Double
    /// Upper bounds: the end of the bucket in which the percentile lies.
    let p50: Double
    let p99: Double
  }

  /// Of each batch's way through the daemon.
  let stages: [Stage]
  let workers: Double?
  /// Seconds that all workers together computed; nil where the daemon does not tell.
  let workerBusySeconds: Double?
  /// Seconds that lanes took no requests because their results waited.
  let pausedSeconds: Double?

  /// Seconds that the daemon's process computed.
  let processorSeconds: Double?

  /// The cores that the daemon's process used in so many seconds.
  func cores(in seconds: Double) -> Double? { processorSeconds.map { $0 / seconds } }

  private static let stageName = "xentd_stage_duration_seconds"

  init(from before: PrometheusText, to after: PrometheusText) {
    func gain(_ name: String, _ labels: [String: String] = [:]) -> Double? {
      after.sum(name, labels).map { $0 - (before.sum(name, labels) ?? 0) }
    }
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
    pausedSeconds = gain("xentd_receive_paused_seconds_total")
    processorSeconds = gain("process_cpu_seconds_total")
  }
}
