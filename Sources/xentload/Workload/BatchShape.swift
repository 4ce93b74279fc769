import ArgumentParser
import XentProtocol

extension LogitsType: ExpressibleByArgument {
  package init?(argument: String) {
    guard let type = Self.allCases.first(where: { $0.name == argument }) else { return nil }
    self = type
  }

  package static var allValueStrings: [String] { allCases.map(\.name) }
}

extension LabelKind: ExpressibleByArgument {
  package init?(argument: String) {
    guard let kind = Self.allCases.first(where: { $0.argument == argument }) else { return nil }
    self = kind
  }

  /// As the command line has it.
  var argument: String {
    switch self {
    case .integer: "integer"
    case .oneHot: "onehot"
    case .probabilities: "probabilities"
    }
  }

  package static var allValueStrings: [String] { allCases.map(\.argument) }
}

/// What a batch of made-up data is like.
struct BatchShape: Equatable, Sendable {
  var rows: Int
  var classes: Int
  var type: LogitsType
  var labels: LabelKind

  /// The type of made-up labels: i64, as frameworks have them, and f32.
  var labelType: LabelType { labels == .integer ? .i64 : .f32 }

  var logitsByteCount: Int { rows * classes * type.elementByteCount }
  var labelsByteCount: Int { rows * (labels == .integer ? 1 : classes) * labelType.elementByteCount }
  /// Of a whole request.
  var requestByteCount: Int { RequestHeader.byteCount + logitsByteCount + labelsByteCount }

  /// `1024 x 1000 f32, integer labels`
  var description: String { "\(rows) x \(classes) \(type.name), \(labels.plural)" }

  /// What keeps a shape from being sent; nil if nothing.
  var problem: String? {
    if rows < 1 || rows > 1 << 24 { return "rows: expected 1 to \(1 << 24), received \(rows)" }
    if classes < 1 || classes > 1 << 24 { return "classes: expected 1 to \(1 << 24), received \(classes)" }
    if rows * classes > 1 << 31 { return "rows x classes: expected at most \(1 << 31), received \(rows * classes)" }
    return nil
  }
}
