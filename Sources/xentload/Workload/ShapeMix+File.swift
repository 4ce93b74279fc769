import XentProtocol
import YAML

extension ShapeMix {
  private static let keys = ["rows", "classes", "type", "labels", "label_type", "weight"]

  /// Reads a list of shapes: `- {rows: 256, classes: 1000, type: f32, labels: integer, weight: 3}`. All but rows and
  /// classes may be left out.
  init(file: String) throws {
    guard let text = ProcessorUse.contents(file) else { throw LoadError("\(file): cannot be read") }
    let root: YAMLNode?
    do {
      root = try YAMLNode.parse(Array(text.utf8))
    } catch {
      throw LoadError("\(file):\(error.line): \(error.problem)")
    }
    guard let list = root?.sequence, !list.isEmpty else {
      throw LoadError("\(file): expected a list of shapes: - {rows: 256, classes: 1000, weight: 3}")
    }
    self.init(shapes: try list.map { try Self.entry($0, file: file) })
  }

  private static func entry(_ node: YAMLNode, file: String) throws -> (shape: BatchShape, weight: Double) {
    func problem(_ words: String, line: Int) -> LoadError { LoadError("\(file):\(line): \(words)") }
    guard let mapping = node.mapping else { throw problem("expected a shape with rows and classes", line: node.line) }
    for entry in mapping.entries where !keys.contains(entry.key) {
      throw problem("unknown key \(entry.key); known are \(keys.joined(separator: ", "))", line: entry.line)
    }
    func value<Value>(_ key: String, _ kind: String, _ read: (String) -> Value?) throws -> Value? {
      guard let node = mapping[key] else { return nil }
      guard let value = node.string.flatMap(read) else {
        throw problem("\(key): expected \(kind), received \(node.string ?? "a list or mapping")", line: node.line)
      }
      return value
    }
    guard let rows = try value("rows", "a whole number", { Int($0) }),
      let classes = try value("classes", "a whole number", { Int($0) })
    else { throw problem("expected both rows and classes", line: node.line) }
    let shape = BatchShape(
      rows: rows, classes: classes,
      type: try value("type", "f32, f16, bf16 or f64") { LogitsType(argument: $0) } ?? .f32,
      labels: try value("labels", "integer, onehot or probabilities") { LabelKind(argument: $0) } ?? .integer,
      labelType: try value("label_type", LabelType.allValueStrings.joined(separator: ", ")) { LabelType(argument: $0) })
    if let words = shape.problem { throw problem(words, line: node.line) }
    let weight = try value("weight", "a number above 0") { Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } }
    return (shape, weight ?? 1)
  }
}
