/// How a run is cut into windows, and when there are enough.
struct WindowPlan {
  private static let ticksPerWindow = 10
  private static let shortestTickSeconds = 0.02
  /// Of a run of so many batches, whose length is not known.
  private static let firstTickSeconds = 0.05

  private let extent: LoadPlan.Extent
  private(set) var tickSeconds: Double
  private var windowSeconds: Double

  init(_ extent: LoadPlan.Extent) {
    self.extent = extent
    switch extent {
    case .untilStable(let seconds): windowSeconds = seconds
    case .seconds(let seconds): windowSeconds = seconds / Double(Stability.mostWindows)
    case .batches: windowSeconds = Self.firstTickSeconds * Double(Self.ticksPerWindow)
    }
    tickSeconds = max(windowSeconds / Double(Self.ticksPerWindow), min(Self.shortestTickSeconds, windowSeconds))
  }

  /// The batches that end the run; nil where time ends it.
  var batchCount: Int? {
    if case .batches(let count) = extent { return count }
    return nil
  }

  var endsWhenStable: Bool {
    if case .untilStable = extent { return true }
    return false
  }

  /// Whether a window has come to its end; ticks are not cut.
  func isFull(_ window: Interval) -> Bool { window.seconds > windowSeconds - tickSeconds / 2 }

  func isMostlyFull(_ window: Interval) -> Bool { window.seconds > windowSeconds / 2 }

  func isDone(_ windows: [Interval]) -> Bool {
    switch extent {
    case .untilStable: windows.count >= Stability.mostWindows || Stability(windows).isStable
    case .seconds: windows.count >= Stability.mostWindows
    case .batches: false
    }
  }

  /// Makes windows longer where there are more of them than are looked at.
  mutating func widen(_ timeline: inout Timeline) {
    guard batchCount != nil, timeline.windows.count >= Stability.mostWindows else { return }
    timeline.halveWindows()
    windowSeconds *= 2
    tickSeconds *= 2
  }

  /// How far a run has come, from 0 to 1; nil where that is not known.
  func progress(_ timeline: Timeline) -> Double? {
    switch extent {
    case .seconds(let seconds): min(1, (timeline.moments.last?.end ?? 0) / seconds)
    case .batches(let count):
      min(1, Double(timeline.windows.reduce(timeline.open.batchCount) { $0 + $1.batchCount }) / Double(count))
    case .untilStable: Double(timeline.windows.count) / Double(Stability.mostWindows)
    }
  }
}
