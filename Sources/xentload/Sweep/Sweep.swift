/// Loads from low to saturation.
struct Sweep {
  let slo: Condition
  private(set) var points: [SweepPoint] = []
  /// What libzmq alone did before and after.
  private(set) var ceiling: Ceiling?

  init(slo: Condition) { self.slo = slo }

  mutating func add(_ rounds: Ceiling?) {
    guard let rounds else { return }
    ceiling = ceiling?.added(rounds) ?? rounds
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

  /// What a reader must know of its figures, in sentences.
  var notes: [String] {
    var notes: [String] = []
    let limited = points.filter { !RunVerdict($0.outcome).generatorLimits.isEmpty }
    if let first = limited.first {
      notes.append(
        "at \(limited.count) of \(points.count) loads the generator was the limit; at \(first.name): "
          + RunVerdict(first.outcome).generatorLimits.joined(separator: "; "))
    }
    let others = points.compactMap(\.outcome.processors.othersCores).max() ?? 0
    if others > RunVerdict.othersAllowance {
      notes.append("other processes used up to \(Units.digits(others)) processors meanwhile: the figures are disturbed")
    }
    return notes
  }

  /// The most that came back at any load.
  var saturation: SweepPoint? { points.max { $0.throughput < $1.throughput } }

  /// Where it is judged what bounds the daemon: the first load that misses the condition, else the highest.
  var boundIndex: Int? { points.isEmpty ? nil : min((kneeIndex ?? -1) + 1, points.count - 1) }

  /// What bounds the daemon there.
  var bound: Bound? { boundIndex.map { Bound(points[$0].outcome, ceiling: ceiling) } }
}
