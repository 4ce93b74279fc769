import CYAML

extension YAMLNode {
  /// Reads the one document of a text in UTF-8 or, with a byte order mark, UTF-16. nil if there is nothing in it.
  package static func parse(_ text: [UInt8]) throws(YAMLError) -> YAMLNode? {
    try text.withUnsafeBufferPointer { (bytes) throws(YAMLError) in
      var reader = TreeReader(EventReader(bytes))
      defer { reader.events.free() }
      return try reader.onlyDocument()
    }
  }
}

/// Builds a tree of libyaml's events. An alias becomes a copy of what it stands for, which may hold copies itself: so the
/// tree is bounded, in depth too.
private struct TreeReader {
  private static let mostNodes = 100_000
  private static let mostLevels = 64

  let events: EventReader
  private var nodeCount = 0
  private var anchors: [String: (node: YAMLNode, nodeCount: Int)] = [:]

  init(_ events: EventReader) { self.events = events }

  mutating func onlyDocument() throws(YAMLError) -> YAMLNode? {
    _ = try events.next()  // the start of the stream
    let first = try nextDocument()
    if let first, let second = try nextDocument() {
      throw YAMLError(line: second.line, problem: "a second document, where the first began on line \(first.line)")
    }
    return first
  }

  private mutating func nextDocument() throws(YAMLError) -> YAMLNode? {
    guard try events.next().kind == .start else { return nil }
    anchors.removeAll()
    let root = try node(events.next(), level: 0)
    _ = try events.next()  // the end of the document
    return root
  }

  private mutating func node(_ event: Event, level: Int) throws(YAMLError) -> YAMLNode {
    guard level < Self.mostLevels else {
      throw YAMLError(line: event.line, problem: "more than \(Self.mostLevels) values inside one another")
    }
    let nodesBefore = nodeCount
    try count(1, event)
    var content: YAMLNode.Content
    switch event.kind {
    case .alias(let name):
      guard let (node, nodeCount) = anchors[name] else {
        throw YAMLError(line: event.line, problem: "*\(name): nothing before it is named &\(name)")
      }
      try count(nodeCount - 1, event)
      return node
    case .sequence: content = .sequence(try sequence(level))
    case .mapping: content = .mapping(try mapping(level))
    case .scalar(let text): content = .scalar(text)
    case .start, .end: throw YAMLError(line: event.line, problem: "a value was expected")
    }
    let node = YAMLNode(content, line: event.line)
    if let anchor = event.anchor { anchors[anchor] = (node, nodeCount - nodesBefore) }
    return node
  }

  private mutating func sequence(_ level: Int) throws(YAMLError) -> [YAMLNode] {
    var nodes: [YAMLNode] = []
    while true {
      let event = try events.next()
      if event.kind == .end { return nodes }
      nodes.append(try node(event, level: level + 1))
    }
  }

  private mutating func mapping(_ level: Int) throws(YAMLError) -> YAMLMapping {
    var mapping = YAMLMapping()
    while true {
      let event = try events.next()
      if event.kind == .end { return mapping }
      let key = try node(event, level: level + 1)
      try mapping.append(key, node(events.next(), level: level + 1))
    }
  }

  private mutating func count(_ nodes: Int, _ event: Event) throws(YAMLError) {
    nodeCount += nodes
    guard nodeCount <= Self.mostNodes else {
      throw YAMLError(line: event.line, problem: "more than \(Self.mostNodes) values, those of aliases included")
    }
  }
}
