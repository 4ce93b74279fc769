/// What somebody wants to read.
package struct HTTPQuestion: Sendable {
  /// Without what follows a `?`.
  package let path: String
  /// The value of the header `Accept`; empty where there is none.
  package let accept: String
}

/// A whole answer.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var contentType: String
  package var body: [UInt8]

  package init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  package init(status: Int = 200, text: String) { self.init(status: status, body: Array(text.utf8)) }
}
