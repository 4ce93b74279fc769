/// How long batches were in one stage: since the daemon's start, or between two looks at it.
struct StageTimes {
  private let bounds: [Double]
  private let buckets: [Int]
  private let sum: Double

  init(_ stage: DaemonStatus.Stage, since earlier: DaemonStatus.Stage? = nil) {
    bounds = stage.boundsSeconds
    buckets = zip(stage.buckets, earlier?.buckets ?? stage.buckets.map { _ in 0 }).map { $0 - $1 }
    sum = stage.sumSeconds - (earlier?.sumSeconds ?? 0)
  }

  var count: Int { buckets.reduce(0, +) }

  /// In seconds; nil where there was nothing.
  var mean: Double? { count > 0 ? sum / Double(count) : nil }

  /// The time that a part of the batches did not exceed, in seconds, as Prometheus estimates it: a straight line through
  /// the bucket. nil where there was nothing.
  func quantile(_ part: Double) -> Double? {
    let rank = part * Double(count)
    var below = 0
    for (index, bucket) in buckets.enumerated() where bucket > 0 {
      guard Double(below + bucket) >= rank else {
        below += bucket
        continue
      }
      guard index < bounds.count else { return bounds.last }
      let start = index > 0 ? bounds[index - 1] : 0
      return start + (bounds[index] - start) * (rank - Double(below)) / Double(bucket)
    }
    return nil
  }
}
