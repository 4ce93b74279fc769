import Foundation

/// A golden vector: a request and what the answer must be. `Tests/Vectors/generate.py` writes them.
package struct Vector: Sendable, CustomStringConvertible, Decodable {
  package let name: String
  package let frames: [Int]
  package let expect: Expectation
  /// The frames back to back.
  package private(set) var bytes: [UInt8] = []

  private enum CodingKeys: String, CodingKey {
    case name
    case frames
    case expect
  }

  /// What is expected of the answer; numbers as decimal text, nan or inf.
  package struct Expectation: Decodable, Sendable {
    package let status: UInt16
    package let messageContains: [String]
    package let notes: UInt16?
    package let counted, ignored, invalid, notFinite, correct, firstBadRow: UInt32?
    package let sum, weight, mean, finiteSum, finiteWeight: String?
    package let losses, logSumExps: [String]?
    package let predictions: [Int32]?
    package let verdicts: [UInt8]?
  }

  package var description: String { name }

  /// The bytes of each frame.
  package var frameBytes: [[UInt8]] {
    var start = 0
    return frames.map { count in
      defer { start += count }
      return Array(bytes[start..<start + count])
    }
  }

  /// All vectors.
  package static let all: [Vector] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Vectors")
    let names = try! FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
    return names.sorted().map { name in
      let json = folder.appending(path: name)
      var vector = try! JSONDecoder().decode(Vector.self, from: Data(contentsOf: json))
      vector.bytes = try! Array(Data(contentsOf: json.deletingPathExtension().appendingPathExtension("bin")))
      return vector
    }
  }()
}
