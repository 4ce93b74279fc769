/// A value of a YAML text, and the line where it begins: what a reader needs to say what is wrong, and where.
package struct YAMLNode: Equatable, Sendable {
  package enum Content: Equatable, Sendable {
    case scalar(String)
    case sequence([YAMLNode])
    case mapping(YAMLMapping)
  }

  package let content: Content
  /// Counted from 1.
  package let line: Int

  package init(_ content: Content, line: Int) {
    self.content = content
    self.line = line
  }

  /// The text of a scalar as it is written, whatever its type and quotes; nil for a sequence or a mapping.
  package var string: String? {
    if case .scalar(let text) = content { text } else { nil }
  }

  package var sequence: [YAMLNode]? {
    if case .sequence(let nodes) = content { nodes } else { nil }
  }

  package var mapping: YAMLMapping? {
    if case .mapping(let mapping) = content { mapping } else { nil }
  }
}

/// Keys and values in the order of the text. Keys are scalars, and none stands twice.
package struct YAMLMapping: Equatable, Sendable {
  package struct Entry: Equatable, Sendable {
    package let key: String
    /// The line of the key.
    package let line: Int
    package let value: YAMLNode
  }

  package private(set) var entries: [Entry] = []

  package subscript(key: String) -> YAMLNode? { entry(key)?.value }

  package func entry(_ key: String) -> Entry? { entries.first { $0.key == key } }

  mutating func append(_ key: YAMLNode, _ value: YAMLNode) throws(YAMLError) {
    guard let text = key.string else { throw YAMLError(line: key.line, problem: "a key must be a plain text") }
    if let first = entry(text) {
      throw YAMLError(line: key.line, problem: "\(text): stands on line \(first.line) already")
    }
    entries.append(Entry(key: text, line: key.line, value: value))
  }
}

/// What is wrong with a text that should be YAML.
package struct YAMLError: Error, Equatable, CustomStringConvertible {
  /// Counted from 1.
  package let line: Int
  package let problem: String

  package var description: String { "line \(line): \(problem)" }
}
