import CYAML

/// What libyaml comes upon in a text, as far as a tree needs it.
struct Event {
  enum Kind: Equatable {
    /// Of the stream or of a document.
    case start
    /// Of a stream, document, sequence or mapping.
    case end
    case alias(String)
    case scalar(String)
    case sequence
    case mapping
  }

  let kind: Kind
  /// The name by which an alias can call the value.
  let anchor: String?
  /// Counted from 1.
  let line: Int

  fileprivate init(_ event: yaml_event_t) {
    line = event.start_mark.line + 1
    switch event.type {
    case YAML_ALIAS_EVENT: (kind, anchor) = (.alias(text(event.data.alias.anchor) ?? ""), nil)
    case YAML_SEQUENCE_START_EVENT: (kind, anchor) = (.sequence, text(event.data.sequence_start.anchor))
    case YAML_MAPPING_START_EVENT: (kind, anchor) = (.mapping, text(event.data.mapping_start.anchor))
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      (kind, anchor) = (.scalar(String(decoding: bytes, as: UTF8.self)), text(scalar.anchor))
    case YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT: (kind, anchor) = (.start, nil)
    default: (kind, anchor) = (.end, nil)
    }
  }
}

private func text(_ bytes: UnsafeMutablePointer<UInt8>?) -> String? { bytes.map { String(cString: $0) } }

/// libyaml's parser, which must stay where it is in memory, and which reads a text that must outlive it.
struct EventReader {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let text: UnsafeBufferPointer<UInt8>

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    guard yaml_parser_initialize(parser) == 1 else { fatalError("no memory for a parser of YAML") }
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  func free() {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw error }
    defer { yaml_event_delete(&event) }
    return Event(event)
  }

  private var error: YAMLError {
    let error = parser.pointee
    guard let words = error.problem else { fatalError("no memory to parse YAML") }
    // The reader of characters knows only how far it had come; and the end of the text is no line of its own.
    let isOfReader = error.error == YAML_READER_ERROR
    let known = text.prefix(isOfReader ? error.problem_offset : max(0, text.count - 1))
    let mostLines = known.count { $0 == UInt8(ascii: "\n") }
    let line = isOfReader ? mostLines : min(error.problem_mark.line, mostLines)
    var problem = String(cString: words)
    if let context = error.context {
      let start = error.context_mark.line
      problem = "\(String(cString: context))\(start < line ? " that begins on line \(start + 1)" : ""), \(problem)"
    }
    return YAMLError(line: line + 1, problem: problem)
  }
}
