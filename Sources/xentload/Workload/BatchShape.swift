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

extension LabelType: ExpressibleByArgument {
  package init?(argument: String) {
    guard let type = Self.allCases.first(where: { $0.name == argument }) else { return nil }
    self = type
  }

  package static var allValueStrings: [String] { allCases.map(\.name) }
}

/// What a batch of made-up data is like.
struct BatchShape: Equatable, Sendable {
  var rows: Int
  var classes: Int
  var type: LogitsType
  var labels: LabelKind
  var labelType: LabelType

  /// - Parameter labelType: of the labels; nil for i64 of integers, as frameworks have them, else f32.
  init(rows: Int, classes: Int, type: LogitsType, labels: LabelKind, labelType: LabelType? = nil) {
    self.rows = rows
    self.classes = classes
    self.type = type
    self.labels = labels
    self.labelType = labelType ?? (labels == .integer ? .i64 : .f32)
  }

  var logitsByteCount: Int { rows * classes * type.elementByteCount }
  var labelsByteCount: Int { rows * (labels == .integer ? 1 : classes) * labelType.elementByteCount }
  /// Of a whole request.
  var requestByteCount: Int { RequestHeader.byteCount + logitsByteCount + labelsByteCount }

  /// `1024 x 1000 f32, integer labels (i64)`
  var description: String { "\(rows) x \(classes) \(type.name), \(labels.plural) (\(labelType.name))" }

  /// What keeps a shape from being sent; nil if nothing.
  var problem: String? {
    if rows < 1 || rows > 1 << 24 { return "rows: expected 1 to \(1 << 24), received \(rows)" }
    if classes < 1 || classes > 1 << 24 { return "classes: expected 1 to \(1 << 24), received \(classes)" }
    if rows * classes > 1 << 31 { return "rows x classes: expected at most \(1 << 31), received \(rows * classes)" }
    let labelTypes = LabelType.allCases.filter(labels.canBeMadeUp)
    guard labelTypes.contains(labelType) else {
      return "label-type: made-up \(labels.plural) are of \(labelTypes.map(\.name).joined(separator: ", ")), "
        + "received \(labelType.name)"
    }
    if labels == .integer, labelType.elementByteCount < 4, classes > 1 << (8 * labelType.elementByteCount) {
      return "label-type: \(labelType.name) tells 1 to \(1 << (8 * labelType.elementByteCount)) classes apart, "
        + "received --classes \(classes)"
    }
    return nil
  }
}

extension LabelKind {
  /// Probabilities of 16 bits would not sum to 1 as closely as is asked.
  fileprivate func canBeMadeUp(of type: LabelType) -> Bool {
    takes(type) && !(self == .probabilities && type.elementByteCount == 2)
  }
}
