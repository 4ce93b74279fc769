import CKernelShims

/// Sums over all classes of rows of few classes, which stand sixteen side by side in the lanes, as in `NarrowRows.swift`.
struct NarrowClassSums {
  let logits: UnsafeRawPointer
  let format: LogitFormat
  let rowCount: Int
  let classCount: Int
  let transform: LogitTransform
  /// Each row's largest logit after the transform, to the end of the last sixteen.
  let maxima: UnsafePointer<Double>
  /// The probabilities, if there are any, start with the first row's.
  let shares: ClassShares
  let labelTolerance: Double
  /// `kernelScratchByteCount` bytes.
  let scratch: UnsafeMutableRawPointer
  let sums: RowClassSums
  /// Where the class of each row's largest probability goes; -1 where the row's are none, and behind the last row.
  let classes: UnsafeMutablePointer<Int32>

  // What a group has of a chunk: the columns of its logits, and of its probabilities.
  private var logitsByteCount: Int { columnsByteCount(of: format) }
  private var groupByteCount: Int {
    logitsByteCount &+ (shares.probabilities == nil ? 0 : columnsByteCount(of: shares.probabilityFormat))
  }

  private func columnsByteCount(of format: LogitFormat) -> Int {
    (classCount &+ spareColumnCount) &* (format == XENT_FORMAT_F64 ? 2 : 1) &* Geometry.vectorByteCount
  }

  func sumInLanes() {
    forEachChunk(ofRows: rowCount, in: scratch, groupByteCount: groupByteCount) { chunk in
      for (row, memory) in chunk { loadColumns(row, memory) }
      if shares.probabilities != nil {
        for (row, memory) in chunk { sumProbabilities(row, memory + logitsByteCount) }
      }
      for (row, memory) in chunk { sumGaps(row, memory) }
    }
  }

  // MARK: Columns

  @inline(__always)
  private func loadColumns(_ first: Int, _ memory: UnsafeMutableRawPointer) {
    load(logits, format, first, memory)
    if let probabilities = shares.probabilities {
      load(probabilities, shares.probabilityFormat, first, memory + logitsByteCount)
    }
  }

  /// Not inlined: it is the same for logits and probabilities.
  @inline(never)
  private func load(
    _ rows: UnsafeRawPointer, _ format: LogitFormat, _ first: Int, _ columns: UnsafeMutableRawPointer
  ) {
    @inline(__always) func load<Element: LogitElement>(_ type: Element.Type) {
      RowColumns<Element>(rows: rows, rowCount: rowCount, classCount: classCount, scratch: scratch + chunkRoomByteCount)
        .load(from: first, into: columns)
    }
    switch format {
    case XENT_FORMAT_F32: load(F32Element.self)
    case XENT_FORMAT_F16: load(F16Element.self)
    case XENT_FORMAT_F64: load(F64Element.self)
    default: load(BF16Element.self)
    }
  }

  @inline(__always)
  private func column<Numbers: LaneArithmetic>(
    _ index: Int, of columns: UnsafeRawPointer, in numbers: Numbers.Type
  ) -> Numbers.Vector {
    columns.load(fromByteOffset: index &* MemoryLayout<Numbers.Vector>.size, as: Numbers.Vector.self)
  }

  // MARK: Probabilities

  @inline(__always)
  private func sumProbabilities(_ first: Int, _ columns: UnsafeRawPointer) {
    if shares.probabilityFormat == XENT_FORMAT_F64 {
      sumProbabilities(first, columns, in: DoubleArithmetic.self)
    } else {
      sumProbabilities(first, columns, in: FloatArithmetic.self)
    }
  }

  /// Stores each row's sum where its shares will be, and its class.
  @inline(__always)
  private func sumProbabilities<Numbers: LaneArithmetic>(
    _ first: Int, _ columns: UnsafeRawPointer, in numbers: Numbers.Type
  ) {
    var largest = column(0, of: columns, in: numbers)
    var smallest = largest
    var argmaxes = IntegerLanes(repeating: 0)
    var total = Numbers.widened(largest)
    let elementByteCount = byteCount(of: shares.probabilityFormat)
    let rows = shares.probabilities! + first &* classCount &* elementByteCount
    prefetchAhead(of: rows, column: 0, elementByteCount: elementByteCount)
    for index in 1..<classCount {
      prefetchAhead(of: rows, column: index, elementByteCount: elementByteCount)
      let column = column(index, of: columns, in: numbers)
      let place = IntegerLanes(repeating: Int32(truncatingIfNeeded: index))
      argmaxes = Numbers.select(column, isGreaterThan: largest, yes: place, no: argmaxes)
      largest = Numbers.larger(column, largest)
      smallest = Numbers.smaller(column, smallest)
      total = total + Numbers.widened(column)
    }
    UnsafeMutableRawPointer(sums.shares + first).storeBytes(of: total, as: WideLanes.self)
    // NaN and infinities make the sum so.
    let distances = magnitudes(total - WideLanes(repeating: 1))
    var good =
      lanes(distances, areAtMost: WideLanes(repeating: labelTolerance))
      & ~Numbers.greaterLanes(Numbers.repeating(0), smallest)
    let room = rowCount &- first
    if room < Geometry.laneCount { good &= (1 &<< UInt16(truncatingIfNeeded: room)) &- 1 }
    if good != .max {
      for lane in 0..<Geometry.laneCount where good & (1 &<< UInt16(truncatingIfNeeded: lane)) == 0 {
        argmaxes[lane] = -1
      }
    }
    UnsafeMutableRawPointer(classes + first).storeBytes(of: argmaxes, as: IntegerLanes.self)
  }

  // MARK: Gaps

  @inline(__always)
  private func sumGaps(_ first: Int, _ memory: UnsafeRawPointer) {
    if transform.softcap != 0 {
      sumGaps(first, memory, as: Capped.self)
    } else if transform.temperature != 1 {
      sumGaps(first, memory, as: Divided.self)
    } else {
      sumGaps(first, memory, as: Untransformed.self)
    }
  }

  @inline(__always)
  private func sumGaps<Kind: TransformKind>(_ first: Int, _ memory: UnsafeRawPointer, as kind: Kind.Type) {
    if format == XENT_FORMAT_F64 {
      sumGaps(first, memory, in: DoubleArithmetic.self, as: kind)
    } else {
      sumGaps(first, memory, in: FloatArithmetic.self, as: kind)
    }
  }

  @inline(__always)
  private func sumGaps<Numbers: LaneArithmetic, Kind: TransformKind>(
    _ first: Int, _ memory: UnsafeRawPointer, in numbers: Numbers.Type, as kind: Kind.Type
  ) {
    let maxima = UnsafeRawPointer(maxima + first).load(as: WideLanes.self)
    @inline(__always) func gap(_ index: Int) -> WideLanes {
      let logits = column(index, of: memory, in: numbers)
      return maxima - Numbers.widened(transform.applied(to: logits, of: numbers, as: kind))
    }
    let labels = memory + logitsByteCount
    if shares.probabilities == nil {
      sumGaps(first, gap) { _ in WideLanes(repeating: 0) }
    } else if shares.probabilityFormat == XENT_FORMAT_F64 {
      sumGaps(first, gap) { column($0, of: labels, in: DoubleArithmetic.self) }
    } else {
      sumGaps(first, gap) { FloatArithmetic.widened(column($0, of: labels, in: FloatArithmetic.self)) }
    }
  }

  @inline(__always)
  private func sumGaps(_ first: Int, _ gap: (Int) -> WideLanes, label: (Int) -> WideLanes) {
    let gapSums = UnsafeMutableRawPointer(sums.gaps + first)
    if shares.countsProbabilitiesAlone {
      var gaps = WideLanes(repeating: 0)
      for index in 0..<classCount { gaps = multiplyAdd(label(index), gap(index), gaps) }
      gapSums.storeBytes(of: gaps, as: WideLanes.self)
      // Else one may be infinite, and its share 0.
      if finiteNonnegativeLanes(gaps) == .max { return }
    }
    let zero = WideLanes(repeating: 0)
    var gaps = zero
    var total = zero
    for index in 0..<classCount {
      var share = multiplyAdd(
        label(index), WideLanes(repeating: shares.labelShare), WideLanes(repeating: shares.uniformShare))
      if let classWeights = shares.classWeights {
        let weight = classWeights.loadUnaligned(fromByteOffset: index &* 4, as: Float.self)
        share = share * WideLanes(repeating: Double(weight))
      }
      gaps = multiplyAdd(share, select(zero, isLessThan: share, yes: gap(index), no: zero), gaps)
      total = total + share
    }
    gapSums.storeBytes(of: gaps, as: WideLanes.self)
    UnsafeMutableRawPointer(sums.shares + first).storeBytes(of: total, as: WideLanes.self)
  }
}

extension ClassShares {
  /// Whether each class counts as its probability says.
  @inline(__always)
  var countsProbabilitiesAlone: Bool {
    probabilities != nil && classWeights == nil && labelShare == 1 && uniformShare == 0
  }
}
