import XentClient

/// What a run does.
struct LoadPlan: Sendable {
  enum Pace: Sendable, Equatable {
    /// A batch leaves when there is room in a window.
    case closed
    /// Batches leave at intended times, all connections together.
    case open(rate: Double, pattern: ArrivalPattern)
  }

  /// When a run has been measured for long enough.
  enum Extent: Sendable, Equatable {
    /// When three windows agree, after ten at the latest; each has this many seconds.
    case untilStable(windowSeconds: Double)
    case seconds(Double)
    case batches(Int)
  }

  var endpoints: ClientEndpoints
  var pace = Pace.closed
  /// Batches in flight at the most, for each connection.
  var window = 8
  var connectionCount = 1
  var threadCount = 1
  var warmUpSeconds = 1.0
  var extent = Extent.untilStable(windowSeconds: 1)
  var verification = VerificationMode.sample
  /// How long no result may come while some are awaited.
  var timeoutSeconds = 10.0
  var seed: UInt64 = 1
}

extension LoadPlan {
  /// Enough to keep sender, daemon and receiver busy at once.
  static let closedWindow = 8
  /// So many that only a daemon that has fallen far behind fills it.
  static let openWindow = 1024
}
