/// Loads from low to saturation.
struct Sweep {
  let slo: Condition
  private(set) var points: [SweepPoint] = []
  let ceiling: Ceiling?

  init(slo: Condition, ceiling: Ceiling?) {
    self.slo = slo
    self.ceiling = ceiling
  }

  /// Adds a point, in the order of the load.
  mutating func add(_ point: SweepPoint) {
    let load = { (point: SweepPoint) in point.rate ?? Double(point.window) }
    let place = points.firstIndex { load($0) > load(point) } ?? points.count
    points.insert(point, at: place)
  }

  /// The place of the highest load that holds the condition, all lower ones holding it too; nil where the lowest does
  /// not.
  var kneeIndex: Int? {
    let met = points.prefix { $0.meets(slo) }
    return met.isEmpty ? nil : met.count - 1
  }

  var knee: SweepPoint? { kneeIndex.map { points[$0] } }

  /// The rates between which the knee lies, where the next point should be; nil where there is nothing to be found.
  var gap: (met: Double, missed: Double)? {
    guard let index = kneeIndex, index + 1 < points.count, let met = points[index].rate,
      let missed = points[index + 1].rate, missed > met * 1.03
    else { return nil }
    return (met, missed)
  }

  /// The most that came back at any load.
  var saturation: SweepPoint? { points.max { $0.throughput < $1.throughput } }

  /// What bounds the daemon at the knee's right: at the first load that misses the condition, else at the highest.
  var bound: Bound? {
    guard !points.isEmpty else { return nil }
    let index = min((kneeIndex ?? -1) + 1, points.count - 1)
    return Bound(points[index].outcome, ceiling: ceiling)
  }
}
