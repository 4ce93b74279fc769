/// How far a lane is on its way to being closed.
enum LaneStage {
  case serving
  /// What is queued is computed, and the results say that there will be no more.
  case leaving
  /// What comes now is refused, for a reason.
  case refusing(String)

  /// Whether results say that there will be no more.
  var isDraining: Bool { if case .serving = self { false } else { true } }
}
