import XentProtocol

/// The frames of one request, borrowed from the messages that hold them.
package struct RequestFrames {
  /// More frames than this no request has: a header and four sections.
  package static let largestCount = 5

  private var frames = InlineArray<5, UnsafeRawBufferPointer>(repeating: UnsafeRawBufferPointer(start: nil, count: 0))
  package private(set) var sizes = FrameSizes()

  package init() {}

  /// Adds a frame. One past the last that a request can have is counted, and its bytes are forgotten.
  package mutating func append(_ frame: UnsafeRawBufferPointer) {
    if sizes.count < Self.largestCount { frames[sizes.count] = frame }
    sizes.append(frame.count)
  }

  /// Counts a frame that is not kept.
  mutating func append(forgottenByteCount: Int) {
    if sizes.count < Self.largestCount { frames[sizes.count] = UnsafeRawBufferPointer(start: nil, count: 0) }
    sizes.append(forgottenByteCount)
  }

  package var count: Int { sizes.count }
  package var first: UnsafeRawBufferPointer { frames[0] }
  package var byteCount: Int { sizes.byteCount }

  /// Where a section begins.
  func pointer(to place: SectionPlace) -> UnsafeRawPointer {
    guard let base = frames[place.frame].baseAddress else { return Self.emptySection }
    return UnsafeRawPointer(base) + place.offset
  }

  /// What an empty section points to: never read.
  private static var emptySection: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 64)! }
}
