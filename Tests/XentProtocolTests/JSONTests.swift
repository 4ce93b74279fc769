import Testing

@testable import XentProtocol

@Suite("JSON")
struct JSONTests {
  @Test("JSON escapes what it must, and has null for what is no number")
  func text() {
    let value: JSON = ["a\"\n": [.number(.nan), .number(0.5), .string("\\"), .bool(true), .null, .integer(-3), []]]
    #expect(value.text == #"{"a\"\u000a": [null, 0.5, "\\", true, null, -3, []]}"#)
  }
}
