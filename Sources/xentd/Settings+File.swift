import CrossEntropy
import Glibc
import Logging
import MonitoringHTTP
import XentProtocol
import XentService
import YAML

/// What is wrong with a configuration file, and where.
struct ConfigurationError: Error, CustomStringConvertible {
  let file: String
  let line: Int?
  let problem: String
  /// Whether it is only that a file which this one names cannot be read, by this process.
  var isOfOtherFile = false
  var description: String { line.map { "\(file):\($0): \(problem)" } ?? "\(file): \(problem)" }
}

extension Settings {
  /// Reads a YAML file. What it does not name has its default; a key that is not known is an error.
  init(file: String) throws(ConfigurationError) {
    let text = try contents(of: file)
    let root: YAMLNode?
    do throws(YAMLError) {
      root = try YAMLNode.parse(text)
    } catch {
      throw ConfigurationError(file: file, line: error.line, problem: "not YAML: \(error.problem)")
    }
    guard let root else { throw ConfigurationError(file: file, line: nil, problem: "empty: expected a key `lanes`") }
    let section = try Section(root, file: file, name: "the file", keys: Self.keys)
    let limits = try Limits(section)
    let curve = try CurveSettings(section)
    service = ServiceConfiguration(lanes: [])
    service.clients = curve?.clients ?? [:]
    service.lanes = try section.list("lanes", of: "lanes", name: "a lane", keys: LaneConfiguration.keys)
      .map { (lane) throws(ConfigurationError) in
        try LaneConfiguration(lane, limits: limits, secretKey: curve?.secretKey)
      }
    if let seconds = try section.number("drain_seconds", in: 0...3600) { service.drainSeconds = seconds }
    if let seconds = try section.number("self_test_seconds", in: 0...3600) { service.selfTestSeconds = seconds }
    http = try section.httpAddresses("http") ?? defaultHTTP(writableRunDirectory())
    self.file = file
    service.workerCount = try section.integer("workers", in: ServiceConfiguration.workerCounts, or: "auto")
    service.memoryByteLimit = try section.integer("memory_limit", in: 1...1 << 50, or: "auto")
    kernelName = try section.kernel("kernel")
    if let level = try section.choice("log_level", of: Logger.Level.allCases.map { "\($0)" }) {
      logLevel = Logger.Level(rawValue: level) ?? .info
    }
    if let problem = service.problem { throw section.error("lanes", problem) }
  }

  static let keys = [
    "lanes", "workers", "kernel", "memory_limit", "drain_seconds", "self_test_seconds", "http", "log_level", "limits",
    "curve",
  ]
}

/// A mapping of the file whose keys are known.
struct Section {
  private let file: String
  private let mapping: YAMLMapping
  private let line: Int?

  init(_ node: YAMLNode, file: String, name: String, keys: [String]) throws(ConfigurationError) {
    self.file = file
    line = node.line
    guard let mapping = node.mapping else {
      throw ConfigurationError(file: file, line: line, problem: "\(name): expected keys and values")
    }
    self.mapping = mapping
    for entry in mapping.entries where !keys.contains(entry.key) {
      throw ConfigurationError(
        file: file, line: entry.line, problem: "\(entry.key): not known; \(name) has \(keys.joined(separator: ", "))")
    }
  }

  func error(_ key: String, _ problem: String) -> ConfigurationError {
    ConfigurationError(file: file, line: mapping[key]?.line ?? line, problem: "\(key): \(problem)")
  }

  /// One text or a list of them, with the place of each; nil where the key is not there.
  func texts(_ key: String) throws(ConfigurationError) -> [(text: String, place: Place)]? {
    guard let node = mapping[key] else { return nil }
    return try (node.sequence ?? [node]).map { (element) throws(ConfigurationError) in
      let place = Place(file: file, line: element.line, key: key)
      guard let text = element.string else { throw place.error("expected a text, or a list of texts") }
      return (text, place)
    }
  }

  func text(_ key: String) throws(ConfigurationError) -> String {
    guard let text = mapping[key]?.string, !text.isEmpty else { throw error(key, "missing: expected a text") }
    return text
  }

  func optionalText(_ key: String) throws(ConfigurationError) -> String? {
    mapping[key] == nil ? nil : try text(key)
  }

  func forbid(_ key: String, because reason: String) throws(ConfigurationError) {
    if mapping[key] != nil { throw error(key, "does not belong here: \(reason)") }
  }

  /// - Returns: the one of these keys that is there.
  func onlyKey(of keys: [String]) throws(ConfigurationError) -> String {
    let found = keys.filter { mapping[$0] != nil }
    guard let key = found.first, found.count == 1 else {
      throw error(
        found.last ?? keys[0],
        "expected one of \(keys.joined(separator: ", ")), received \(found.isEmpty ? "none" : "both")")
    }
    return key
  }

  func flag(_ key: String) throws(ConfigurationError) -> Bool? {
    try choice(key, of: ["true", "false"]).map { $0 == "true" }
  }

  func choice(_ key: String, of values: [String]) throws(ConfigurationError) -> String? {
    guard let node = mapping[key] else { return nil }
    guard let text = node.string, values.contains(text) else {
      throw error(key, "expected \(values.joined(separator: ", ")), received \(node.string ?? "something else")")
    }
    return text
  }

  /// The name of a kernel that this machine can run; nil for `auto`.
  func kernel(_ key: String) throws(ConfigurationError) -> String? {
    guard let node = mapping[key], node.string != "auto" else { return nil }
    do throws(KernelError) {
      return try Kernel.named(node.string ?? "").name
    } catch {
      throw ConfigurationError(file: file, line: node.line, problem: error.description)
    }
  }

  func number(_ key: String, in range: ClosedRange<Double>) throws(ConfigurationError) -> Double? {
    guard let node = mapping[key] else { return nil }
    guard let value = node.string.flatMap(Double.init), range.contains(value) else {
      throw error(
        key, "expected a number from \(range.lowerBound) to \(range.upperBound), received \(node.string ?? "a list")")
    }
    return value
  }

  /// - Parameter word: what may stand for no number at all.
  func integer(_ key: String, in range: ClosedRange<Int>, or word: String? = nil) throws(ConfigurationError) -> Int? {
    guard let node = mapping[key], node.string != word || word == nil else { return nil }
    guard let value = node.string.flatMap({ Int($0) }), range.contains(value) else {
      let alternative = word.map { ", or \($0)" } ?? ""
      throw error(
        key,
        "expected a whole number from \(range.lowerBound) to \(range.upperBound)\(alternative), "
          + "received \(node.string ?? "something else")")
    }
    return value
  }

  /// - Parameters:
  ///   - things: what the list should hold, in words.
  ///   - name: what each element is, in words.
  ///   - keys: what each element may have.
  func list(
    _ key: String, of things: String, name: String, keys: [String]
  ) throws(ConfigurationError) -> [Section] {
    guard let node = mapping[key] else { throw error(key, "missing: expected a list of \(things)") }
    guard let sequence = node.sequence else { throw error(key, "expected a list of \(things)") }
    return try sequence.map { (element) throws(ConfigurationError) in
      try Section(element, file: file, name: name, keys: keys)
    }
  }

  /// One text or mapping, or a list of them; none where the key is not there.
  ///
  /// - Parameters:
  ///   - name: what each mapping is, in words.
  ///   - keys: what each mapping may have.
  func textsOrSections(
    _ key: String, name: String, keys: [String]
  ) throws(ConfigurationError) -> [TextOrSection] {
    guard let node = mapping[key] else { return [] }
    return try (node.sequence ?? [node]).map { (element) throws(ConfigurationError) in
      if let text = element.string { return .text(text, Place(file: file, line: element.line, key: key)) }
      return .section(try Section(element, file: file, name: name, keys: keys))
    }
  }

  func section(_ key: String, keys: [String]) throws(ConfigurationError) -> Section? {
    guard let node = mapping[key] else { return nil }
    return try Section(node, file: file, name: key, keys: keys)
  }
}

/// Something that may be written as a text alone, or with keys of its own.
enum TextOrSection {
  case text(String, Place)
  case section(Section)
}

/// Where something stands in a file.
struct Place {
  let file: String
  let line: Int?
  let key: String

  func error(_ problem: String) -> ConfigurationError {
    ConfigurationError(file: file, line: line, problem: "\(key): \(problem)")
  }
}

private func contents(of file: String) throws(ConfigurationError) -> [UInt8] {
  func unreadable() -> ConfigurationError {
    ConfigurationError(file: file, line: nil, problem: "cannot be read: \(String(cString: strerror(errno)))")
  }
  guard let stream = fopen(file, "re") else { throw unreadable() }
  defer { fclose(stream) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&chunk, 1, chunk.count, stream)
    if count == 0 {
      guard ferror(stream) == 0 else { throw unreadable() }
      return bytes
    }
    bytes += chunk[..<count]
  }
}
