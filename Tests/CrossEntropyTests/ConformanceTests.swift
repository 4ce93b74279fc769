import Foundation
import Testing

@testable import CrossEntropy

/// What frameworks answered for their own options: `Tests/Conformance/generate.py` asked them.
@Suite("Conformance")
struct ConformanceTests {
  @Test("the number of each framework is a field of our result, but where the framework is wrong", arguments: kernels)
  func frameworks(kernel: Kernel) throws {
    let document = try Document.shipped
    #expect(document.cases.count >= 100 && document.cases.contains { $0.wrong != nil })
    for testCase in document.cases {
      let name = "\(testCase.framework) \(document.versions[testCase.framework] ?? "?"), \(testCase.name)"
      let received = testCase.received(kernel: kernel)
      let exact = testCase.exact.map(\.value)
      let answer = testCase.answer.map(\.value)
      try #require(received.count == exact.count && answer.count == exact.count, "\(name)")
      for index in exact.indices {
        #expect(isClose(received[index], exact[index], relative: 2e-7, absolute: 0), "\(name): \(received)")
      }
      // As close as a framework that sums f32 numbers in its own order can be.
      let agrees = zip(received, answer).allSatisfy { isClose($0, $1, relative: 4e-6, absolute: 4e-7) }
      #expect(agrees == (testCase.wrong == nil), "\(name): \(received), the framework's \(answer)")
    }
  }

  private func isClose(_ a: Double, _ b: Double, relative: Double, absolute: Double) -> Bool {
    if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
    // A tiny loss that comes out as 0 is not close.
    return abs(a - b) <= relative * abs(b) + absolute && (a == 0) == (b == 0)
  }
}

private struct Document: Decodable {
  let versions: [String: String]
  let cases: [FrameworkCase]

  static var shipped: Document {
    get throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let data = try Data(contentsOf: folder.appending(path: "Conformance/vectors.json"))
      return try decoder.decode(Document.self, from: data)
    }
  }
}

/// A number, or a text for what JSON has no number for.
private struct Number: Decodable {
  let value: Double

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      value = text == "nan" ? .nan : text.hasPrefix("-") ? -.infinity : .infinity
    } else {
      value = try container.decode(Double.self)
    }
  }
}

private struct FrameworkCase: Decodable {
  let framework: String
  let name: String
  let field: String
  let request: Request
  let answer: [Number]
  let exact: [Number]
  let wrong: String?

  struct Request: Decodable {
    let kind: String
    let logits: [[Number]]
    let labels: Labels
    var ignoreIndex: Int64?
    var labelSmoothing: Float?
    var zLoss: Float?
    var softcap: Float?
    var classWeights: [Float]?
    var sampleWeights: [Float]?
  }

  enum Labels: Decodable {
    case indices([Int64])
    case rows([[Float]])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let indices = try? container.decode([Int64].self) {
        self = .indices(indices)
      } else {
        self = .rows(try container.decode([[Float]].self))
      }
    }
  }

  /// What we answer, by the expression of the figures that is the framework's number.
  func received(kernel: Kernel) -> [Double] {
    let answers = computed(kernel: kernel)
    let figures = answers.figures
    switch field {
    case "losses": return answers.losses.map(Double.init)
    case "losses * sample weights":
      return zip(answers.losses, request.sampleWeights ?? []).map { Double($0) * Double($1) }
    case "sum": return [figures.sum]
    case "mean": return [figures.mean]
    case "sum / counted": return [figures.countedCount == 0 ? .nan : figures.sum / Double(figures.countedCount)]
    case "sum / rows": return [figures.sum / Double(request.logits.count)]
    default:
      Issue.record("no such field: \(field)")
      return []
    }
  }

  private func computed(kernel: Kernel) -> Answers {
    let rows = request.logits.map { $0.map { Float($0.value) } }
    return (request.classWeights ?? []).withUnsafeBytes { classWeights in
      (request.sampleWeights ?? []).withUnsafeBytes { sampleWeights in
        let setOptions = { (options: inout LossOptions) in
          options.ignoreIndex = request.ignoreIndex
          options.labelSmoothing = request.labelSmoothing ?? 0
          options.zLoss = request.zLoss ?? 0
          options.softcap = request.softcap ?? 0
          if request.classWeights != nil { options.classWeights = classWeights.baseAddress }
          if request.sampleWeights != nil { options.sampleWeights = sampleWeights.baseAddress }
        }
        switch request.labels {
        case .indices(let indices):
          return compute(rows, labels: indices, kernel: kernel, options: setOptions)
        case .rows(let labels):
          let layout: LabelLayout = request.kind == "onehot" ? .oneHot(.f32) : .probabilities(.f32)
          return compute(rows, labels: Array(labels.joined()), layout: layout, kernel: kernel, options: setOptions)
        }
      }
    }
  }
}
