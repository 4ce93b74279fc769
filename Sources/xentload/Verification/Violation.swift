import XentProtocol

/// What must not happen: each fails the run.
enum Violation: Sendable, CustomStringConvertible {
  /// A value is further from the exact one than is promised.
  case wrong(sequence: UInt64, what: String)
  /// The same batch gave other bits before.
  case otherBits(sequence: UInt64, what: String)
  case missing(sequences: [UInt64], waitedSeconds: Double)
  case duplicate(sequence: UInt64)
  case foreign(what: String)
  case refused(sequence: UInt64, status: String, message: String)
  case unreadable(String)

  /// For programs.
  var kind: String {
    switch self {
    case .wrong: "wrong"
    case .otherBits: "other_bits"
    case .missing: "missing"
    case .duplicate: "duplicate"
    case .foreign: "foreign"
    case .refused: "refused"
    case .unreadable: "unreadable"
    }
  }

  var description: String {
    switch self {
    case .wrong(let sequence, let what): "wrong result of batch \(sequence): \(what)"
    case .otherBits(let sequence, let what): "batch \(sequence) was sent before and gave other bits then: \(what)"
    case .missing(let sequences, let seconds):
      "missing: \(sequences.count) results had not come \(seconds) s after the last; the first is of batch "
        + "\(sequences.first ?? 0)"
    case .duplicate(let sequence): "duplicate: a second result of batch \(sequence)"
    case .foreign(let what): "foreign result: \(what)"
    case .refused(let sequence, let status, let message): "batch \(sequence) was refused: \(status): \(message)"
    case .unreadable(let problem): "unreadable \(problem)"
    }
  }
}

/// The violations of a run: all are counted, the first few are kept.
struct Violations: Sendable {
  private static let keptCount = 20
  private(set) var kept: [Violation] = []
  private(set) var count = 0

  mutating func add(_ violation: Violation) {
    count += 1
    if kept.count < Self.keptCount { kept.append(violation) }
  }

  mutating func add(_ other: Violations) {
    count += other.count
    kept += other.kept.prefix(max(0, Self.keptCount - kept.count))
  }
}
