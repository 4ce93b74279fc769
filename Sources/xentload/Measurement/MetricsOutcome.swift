import XentClient

/// What a daemon's own metrics say of a run.
enum MetricsOutcome: Sendable {
  case unavailable(reason: String)
  case read(MetricsDifference)

  /// - Parameters:
  ///   - lane: the daemon's name of the lane that was loaded.
  ///   - seconds: between the two.
  init(
    _ source: MetricsSource?, _ before: Result<PrometheusText, MonitoringError>?,
    _ after: Result<PrometheusText, MonitoringError>?, lane: String, seconds: Double
  ) {
    guard source != nil, let before, let after else {
      self = .unavailable(reason: "no metrics endpoint is known; name it with --metrics")
      return
    }
    switch (before, after) {
    case (.success(let before), .success(let after)):
      self = .read(MetricsDifference(from: before, to: after, lane: lane, seconds: seconds))
    case (.failure(let error), _), (_, .failure(let error)): self = .unavailable(reason: error.description)
    }
  }

  var difference: MetricsDifference? {
    if case .read(let difference) = self { return difference }
    return nil
  }
}
