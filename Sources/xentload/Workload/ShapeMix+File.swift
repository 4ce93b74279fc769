import XentProtocol
import Yams

extension ShapeMix {
  private static let keys = ["rows", "classes", "type", "labels", "weight"]

  /// Reads a list of shapes: `- {rows: 256, classes: 1000, type: f32, labels: integer, weight: 3}`. Type, labels and
  /// weight may be left out.
  init(file: String) throws {
    guard let text = ProcessorUse.contents(file) else { throw LoadError("\(file): cannot be read") }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw LoadError("\(file): not YAML: \(error)")
    }
    guard let list = root?.sequence, !list.isEmpty else {
      throw LoadError("\(file): expected a list of shapes: - {rows: 256, classes: 1000, weight: 3}")
    }
    self.init(shapes: try list.map { try Self.entry($0, file: file) })
  }

  private static func entry(_ node: Node, file: String) throws -> (shape: BatchShape, weight: Double) {
    func problem(_ words: String, at node: Node) -> LoadError {
      LoadError("\(file)\(node.mark.map { ":\($0.line)" } ?? ""): \(words)")
    }
    guard let mapping = node.mapping else { throw problem("expected a shape with rows and classes", at: node) }
    for (key, _) in mapping where !keys.contains(key.string ?? "") {
      throw problem("unknown key \(key.string ?? "?"); known are \(keys.joined(separator: ", "))", at: key)
    }
    func value<Value>(_ key: String, _ kind: String, _ read: (String) -> Value?) throws -> Value? {
      guard let node = mapping[key] else { return nil }
      guard let value = node.scalar.flatMap({ read($0.string) }) else {
        throw problem("\(key): expected \(kind), received \(node.scalar?.string ?? "a list or mapping")", at: node)
      }
      return value
    }
    guard let rows = try value("rows", "a whole number", { Int($0) }),
      let classes = try value("classes", "a whole number", { Int($0) })
    else { throw problem("expected both rows and classes", at: node) }
    let kinds: [String: LabelKind] = ["integer": .integer, "onehot": .oneHot, "probabilities": .probabilities]
    let shape = BatchShape(
      rows: rows, classes: classes,
      type: try value("type", "f32, f16, bf16 or f64") { LogitsType(argument: $0) } ?? .f32,
      labels: try value("labels", "integer, onehot or probabilities") { kinds[$0] } ?? .integer)
    if let words = shape.problem { throw problem(words, at: node) }
    let weight = try value("weight", "a number above 0") { Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } }
    return (shape, weight ?? 1)
  }
}
