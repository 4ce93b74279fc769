extension RequestHeader {
  /// The most classes that the protocol takes: predictions are i32.
  private static let largestClassCount = Int(Int32.max)
  /// The most logits that a batch has.
  private static let largestElementCount = 1 << 40

  private func refusal(_ status: Status, _ message: String) -> Refusal {
    Refusal(status: status, message: message, answering: self)
  }

  func checkInfo(_ frames: FrameSizes) throws(Refusal) {
    guard frames.count == 1, frames.byteCount == Self.byteCount else {
      throw refusal(
        .malformed,
        "info: expected one frame of \(Self.byteCount) bytes, received \(frames.byteCount) bytes in \(frames.count)")
    }
  }

  func checkShape(_ limits: RequestLimits) throws(Refusal) {
    let (rows, classes) = (Int(rows), Int(classes))
    guard classes > 0 else { throw refusal(.badShape, "classes: expected at least 1, received 0") }
    guard classes <= Self.largestClassCount else {
      throw refusal(.badShape, "classes: expected at most \(Self.largestClassCount), received \(classes)")
    }
    guard rows * classes <= Self.largestElementCount else {
      throw refusal(
        .badShape, "rows x classes: expected at most \(Self.largestElementCount), received \(rows) x \(classes)")
    }
    guard rows <= limits.maximumRowCount else {
      throw refusal(
        .badShape, "rows: this lane takes at most \(limits.maximumRowCount), received \(rows); send smaller batches")
    }
    guard classes <= limits.maximumClassCount else {
      throw refusal(.badShape, "classes: this lane takes at most \(limits.maximumClassCount), received \(classes)")
    }
  }

  /// The bytes that the header says the request and its result have, and those that came.
  func checkByteCounts(_ limits: RequestLimits, received: Int) throws(Refusal) {
    var total = Self.byteCount
    for section in Section.allCases { total += byteCount(of: section) ?? 0 }  // at most 2^45 after `checkShape`
    total = max(total, received)
    guard total <= limits.maximumRequestByteCount else {
      throw refusal(
        .tooLarge,
        "request: this lane takes at most \(limits.maximumRequestByteCount) bytes, this needs \(total); send fewer rows"
      )
    }
    let result = ResultLayout(rows: Int(rows), flags: flags).byteCount
    guard result <= limits.maximumResultByteCount else {
      throw refusal(
        .tooLarge,
        "result: this lane gives at most \(limits.maximumResultByteCount) bytes, this needs \(result); "
          + "send fewer rows or ask for less")
    }
  }

  /// Where the sections lie, in either layout.
  func places(_ frames: FrameSizes) throws(Refusal) -> InlineArray<4, SectionPlace> {
    let sectionCount = Section.allCases.count(where: has)
    guard frames.count == 1 || frames.count == sectionCount + 1 else {
      throw refusal(
        .malformed,
        "frames: expected 1 (packed) or \(sectionCount + 1) (a header and \(sectionCount) sections), "
          + "received \(frames.count)")
    }
    return frames.count == 1 ? try packedPlaces(frames) : try splitPlaces(frames)
  }

  private func packedPlaces(_ frames: FrameSizes) throws(Refusal) -> InlineArray<4, SectionPlace> {
    var places = InlineArray<4, SectionPlace>(repeating: SectionPlace(frame: 0, offset: 0, byteCount: 0))
    var offset = Self.byteCount
    for section in Section.allCases where has(section) {
      let expected = byteCount(of: section) ?? 0
      let received = max(0, min(expected, frames.byteCount - offset))
      guard received == expected else { throw sizeRefusal(section, expected: expected, received: received) }
      places[section.rawValue] = SectionPlace(frame: 0, offset: offset, byteCount: expected)
      offset += expected
    }
    guard offset == frames.byteCount else {
      throw refusal(.malformed, "request: expected \(offset) bytes, received \(frames.byteCount)")
    }
    return places
  }

  private func splitPlaces(_ frames: FrameSizes) throws(Refusal) -> InlineArray<4, SectionPlace> {
    guard frames[0] == Self.byteCount else {
      throw refusal(
        .malformed, "header: expected a frame of \(Self.byteCount) bytes before the sections, received \(frames[0])")
    }
    var places = InlineArray<4, SectionPlace>(repeating: SectionPlace(frame: 0, offset: 0, byteCount: 0))
    var frame = 1
    for section in Section.allCases where has(section) {
      let expected = byteCount(of: section) ?? 0
      guard frames[frame] == expected else {
        throw sizeRefusal(section, expected: expected, received: frames[frame])
      }
      places[section.rawValue] = SectionPlace(frame: frame, offset: 0, byteCount: expected)
      frame += 1
    }
    return places
  }

  private func sizeRefusal(_ section: Section, expected: Int, received: Int) -> Refusal {
    refusal(
      .malformed,
      "\(section.name): expected \(expected) bytes (\(description(of: section))), received \(received)")
  }

  func checkOptions() throws(Refusal) {
    try check("label smoothing", labelSmoothing, "at least 0 and less than 1") { $0 >= 0 && $0 < 1 }
    try check("z-loss", zLoss, "finite and at least 0") { $0 >= 0 && $0.isFinite }
    try check("temperature", temperature, "finite and more than 0, or 0 for 1") { $0 >= 0 && $0.isFinite }
    try check("softcap", softcap, "finite and more than 0, or 0 for none") { $0 >= 0 && $0.isFinite }
    try check("label tolerance", labelTolerance, "finite and at least 0") { $0 >= 0 && $0.isFinite }
    if flags.contains(.ignore), labelKind != .integer {
      throw refusal(.badOption, "IGNORE: an ignore index goes with integer labels, received \(labelKind.plural)")
    }
    if flags.contains(.zeroRowIgnored), labelKind != .oneHot {
      throw refusal(.badOption, "ZERO_ROW_IGNORED: goes with one-hot labels, received \(labelKind.plural)")
    }
    if labelTolerance != 0, labelKind != .probabilities {
      throw refusal(
        .badOption, "label tolerance: \(labelTolerance) goes with probabilities, received \(labelKind.plural)")
    }
  }

  private func check(_ name: String, _ value: Float, _ allowed: String, _ isAllowed: (Float) -> Bool) throws(Refusal) {
    guard isAllowed(value) else {
      throw refusal(.badOption, "\(name): expected a value that is \(allowed), received \(value)")
    }
  }
}
