import Testing

@testable import YAML

@Suite("YAML")
struct YAMLNodeTests {
  private func parse(_ text: String) throws -> YAMLNode? { try YAMLNode.parse(Array(text.utf8)) }

  private func scalar(_ text: String, _ line: Int) -> YAMLNode { YAMLNode(.scalar(text), line: line) }

  @Test("each value knows its text and its line")
  func lines() throws {
    let root = try #require(
      try parse(
        """
        # a remark
        name: 'one'   # quotes are no part of it
        list:
          - 2
          - {deep: "three"}
        none:
        """))
    let mapping = try #require(root.mapping)
    #expect(mapping.entries.map(\.key) == ["name", "list", "none"])
    #expect(mapping.entries.map(\.line) == [2, 3, 6])
    #expect(mapping["name"] == scalar("one", 2))
    let list = try #require(mapping["list"]?.sequence)
    #expect(list[0] == scalar("2", 4))
    #expect(list[1].mapping?["deep"] == scalar("three", 5))
    #expect(mapping["none"]?.string == "")
    #expect(mapping["other"] == nil)
    #expect(root.string == nil && root.sequence == nil && list[0].mapping == nil)
  }

  @Test("nothing, or remarks alone, is no document", arguments: ["", "\n\n", "# remark\n"])
  func empty(text: String) throws { #expect(try parse(text) == nil) }

  @Test("an alias stands for what its anchor names")
  func aliases() throws {
    let root = try #require(try parse("a: &limits {rows: 3}\nb: *limits\n").flatMap(\.mapping))
    #expect(root["b"]?.mapping?["rows"] == scalar("3", 1))
  }

  @Test("UTF-16 is read where a byte order mark says so")
  func utf16() throws {
    let bytes: [UInt8] = [0xFF, 0xFE] + "a: é".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    #expect(try YAMLNode.parse(bytes)?.mapping?["a"] == scalar("é", 1))
  }

  @Test(
    "what is wrong is told with its line",
    arguments: [
      ("a: 1\nb: [", 2, "did not find expected node content"),
      ("a: [1,\n2\n", 2, "while parsing a flow sequence that begins on line 1, did not find expected ',' or ']'"),
      ("a: 1\n b: 2", 2, "mapping values are not allowed"),
      ("a: 1\nb: 2\na: 3", 3, "a: stands on line 1 already"),
      ("? [x]\n: 1", 1, "a key must be a plain text"),
      ("a: 1\n---\nb: 2", 3, "a second document, where the first began on line 1"),
      ("a: 1\nb: *nobody", 2, "*nobody: nothing before it is named &nobody"),
      ("a: 1\nb: \u{1}", 2, "control characters are not allowed"),
    ])
  func errors(text: String, line: Int, words: String) {
    let error = #expect(throws: YAMLError.self) { try parse(text) }
    #expect(error?.line == line)
    #expect(error?.problem.contains(words) == true, "\(error?.problem ?? "")")
  }

  @Test("bytes that are no UTF-8 are told with their line")
  func notUTF8() {
    let error = #expect(throws: YAMLError.self) { try YAMLNode.parse(Array("a: 1\nb: ".utf8) + [0xFF]) }
    #expect(error?.line == 2)
    #expect(error?.problem.contains("UTF-8") == true)
  }

  @Test("a text cannot ask for more than a bounded tree")
  func bounds() {
    #expect(throws: YAMLError.self) { try parse("&a [*a]") }
    #expect(throws: YAMLError.self) { try parse(String(repeating: "- ", count: 100_000)) }
    #expect(throws: YAMLError.self) {
      try parse(String(repeating: "[", count: 200) + String(repeating: "]", count: 200))
    }
    // Ten to the tenth, if nobody counted.
    var laughs = "a0: &a0 ha\n"
    for level in 1...10 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      laughs += "a\(level): &a\(level) [\(aliases)]\n"
    }
    let error = #expect(throws: YAMLError.self) { try parse(laughs) }
    #expect(error?.problem == "more than 100000 values, those of aliases included")
  }
}
