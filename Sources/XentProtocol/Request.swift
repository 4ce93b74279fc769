/// A request that was read and checked: its header, and where its sections lie. It holds no bytes.
package struct Request: Sendable {
  package let header: RequestHeader
  private let places: InlineArray<4, SectionPlace>

  /// A request that asks for nothing yet.
  package init() {
    header = RequestHeader()
    places = InlineArray(repeating: SectionPlace(frame: 0, offset: 0, byteCount: 0))
  }

  /// Where a section lies; nil where the request does not have it.
  package func place(of section: Section) -> SectionPlace? {
    header.has(section) ? places[section.rawValue] : nil
  }

  /// Reads a request and checks it, in the order that the protocol lays down: the first failure is the answer.
  ///
  /// - Parameters:
  ///   - frame: the first frame.
  ///   - frames: the sizes of all frames.
  ///   - limits: of the lane on which the request came.
  package init(parsing frame: RawSpan, frames: FrameSizes, limits: RequestLimits) throws(Refusal) {
    header = try RequestHeader(parsing: frame)
    guard header.type == .batch else {
      places = InlineArray(repeating: SectionPlace(frame: 0, offset: 0, byteCount: 0))
      try header.checkInfo(frames)
      return
    }
    try header.checkShape(limits)
    try header.checkByteCounts(limits, received: frames.byteCount)
    places = try header.places(frames)
    try header.checkOptions()
  }
}

/// Where a section lies.
package struct SectionPlace: Equatable, Sendable {
  /// The frame, 0 the first.
  package let frame: Int
  /// Where in the frame.
  package let offset: Int
  package let byteCount: Int
}

/// The sizes of a request's frames.
package struct FrameSizes: Equatable, Sendable {
  /// A header and four sections.
  private static let largestCount = 5

  private var byteCounts: (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
  /// How many frames there are, also where there are more than a request can have.
  package private(set) var count = 0
  /// The bytes of all frames.
  package private(set) var byteCount = 0

  package init() {}

  package init(_ byteCounts: some Sequence<Int>) {
    for byteCount in byteCounts { append(byteCount) }
  }

  package mutating func append(_ byteCount: Int) {
    switch count {
    case 0: byteCounts.0 = byteCount
    case 1: byteCounts.1 = byteCount
    case 2: byteCounts.2 = byteCount
    case 3: byteCounts.3 = byteCount
    case 4: byteCounts.4 = byteCount
    default: break
    }
    count += 1
    self.byteCount += byteCount
  }

  subscript(index: Int) -> Int {
    switch index {
    case 0: byteCounts.0
    case 1: byteCounts.1
    case 2: byteCounts.2
    case 3: byteCounts.3
    case 4: byteCounts.4
    default: 0
    }
  }

  package static func == (a: FrameSizes, b: FrameSizes) -> Bool {
    a.byteCounts == b.byteCounts && a.count == b.count && a.byteCount == b.byteCount
  }
}
