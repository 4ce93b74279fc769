import CKernelShims

/// Room for the copies that a block makes of its unusual groups, and for its capped logits.
let blockScratchByteCount = 2 * unusualGroupByteCount + Geometry.blockLength * MemoryLayout<Double>.size
private let unusualGroupByteCount = exponentialsPerGroup * MemoryLayout<WideLanes>.size

/// One block of logits: at most `Geometry.blockLength` consecutive elements of a row, read in place and never past.
///
/// Its vectors are taken in groups. The last group may be short, and one holds the block's maximum, which the sum leaves
/// out: these two are computed from copies, filled up with -infinity, which adds exactly nothing.
struct Block<Element: LogitElement, Kind: TransformKind> {
  private typealias Numbers = Element.Numbers

  private let elements: UnsafeRawPointer
  private let transform: LogitTransform
  /// Vectors with an element of the block.
  private let vectorCount: Int
  private let wholeGroupCount: Int
  private let groupCount: Int
  /// A copy of the short last group.
  private let tail: UnsafeMutableRawPointer
  /// A copy of the group with the maximum.
  private let hole: UnsafeMutableRawPointer
  /// The softcapped logits, where there is a softcap.
  private let capped: UnsafeMutableRawPointer

  @inline(__always) private static var groupLength: Int { exponentialsPerGroup &* Geometry.laneCount }
  @inline(__always) private static var groupByteCount: Int { exponentialsPerGroup &* Element.vectorByteCount }
  /// How far ahead memory is asked for while a block is summed: two blocks of f32, as the search for the next block's maximum,
  /// which asks for nothing, is too quick for lines that the end of this sum has only just asked for. Much more would push
  /// the block itself out of the first cache.
  @inline(__always) private static var prefetchByteCount: Int { 16384 }

  @inline(__always)
  init(_ elements: UnsafeRawPointer, count: Int, transform: LogitTransform, scratch: UnsafeMutableRawPointer) {
    self.elements = elements
    self.transform = transform
    vectorCount = (count &+ Geometry.laneCount &- 1) / Geometry.laneCount
    wholeGroupCount = count / Self.groupLength
    tail = scratch
    hole = scratch + unusualGroupByteCount
    capped = hole + unusualGroupByteCount
    let tailLength = count % Self.groupLength
    groupCount = wholeGroupCount &+ (tailLength > 0 ? 1 : 0)
    guard tailLength > 0 else { return }
    for index in 0..<Self.groupLength { clear(tail, index) }
    tail.copyMemory(
      from: elements + wholeGroupCount &* Self.groupByteCount, byteCount: tailLength &* Element.byteCount)
  }

  @inline(__always)
  private func group(_ index: Int) -> UnsafeRawPointer {
    index < wholeGroupCount ? elements + index &* Self.groupByteCount : UnsafeRawPointer(tail)
  }

  @inline(__always)
  private func vectorCount(ofGroup index: Int) -> Int {
    min(exponentialsPerGroup, vectorCount &- index &* exponentialsPerGroup)
  }

  /// Has an element of a copied group add nothing.
  @inline(__always)
  private func clear(_ group: UnsafeMutableRawPointer, _ index: Int) {
    group.storeBytes(of: Element.negativeInfinity, toByteOffset: index &* Element.byteCount, as: Element.Bits.self)
  }

  /// The block's maximum, where it first stands, and the scaled sum of the other exponentials.
  ///
  /// Not inlined: it is compiled for each type of logits and kind of transform, and long.
  @inline(never)
  func summary(firstClass: Int) -> BlockSummary {
    // The transform is increasing, so this needs none.
    let rawMaximum = self.rawMaximum
    let maximum = transform.applied(to: rawMaximum, of: Numbers.self, as: Kind.self)
    // Not finite: a row of this kind gets its answer from what its elements are, not from a sum.
    guard maximum.isFinite else {
      return BlockSummary(
        maximum: maximum, rawMaximum: rawMaximum, scaledSum: holdsNaN ? .nan : 0, power: 0, center: maximum,
        argmax: Int64(firstClass))
    }
    let position = firstPosition(of: rawMaximum)
    copyWithout(position)
    let holeIndex = position / Self.groupLength
    if Kind.caps { capLogits(holeIndex: holeIndex) }
    var scaledSum = 0.0
    var (center, power) = Numbers.scaling(maximum: maximum)
    let isCovered = Numbers.covers(maximum: maximum)
    if isCovered { scaledSum = sumOfOthers(maximum: maximum, holeIndex: holeIndex, in: Numbers.self) { $0 } }
    if !isCovered || scaledSum < Numbers.smallestCompleteSum {
      // Seldom: logits that are very large, or so far below the maximum that only doubles reach them.
      scaledSum = sumOfOthers(maximum: maximum, holeIndex: holeIndex, in: DoubleArithmetic.self, Numbers.widened)
      (center, power) = DoubleArithmetic.scaling(maximum: maximum)
    }
    return BlockSummary(
      maximum: maximum, rawMaximum: rawMaximum, scaledSum: scaledSum, power: power, center: center,
      argmax: Int64(firstClass &+ position))
  }

  @inline(__always)
  private var rawMaximum: Double {
    var even = Numbers.repeating(-.infinity)
    var odd = even
    for index in 0..<wholeGroupCount {
      let group = elements + index &* Self.groupByteCount
      for vector in 0..<exponentialsPerGroup / 2 {
        even = Numbers.larger(Element.load(group + 2 &* vector &* Element.vectorByteCount), even)
        odd = Numbers.larger(Element.load(group + (2 &* vector &+ 1) &* Element.vectorByteCount), odd)
      }
    }
    if wholeGroupCount < groupCount {
      for vector in 0..<vectorCount(ofGroup: wholeGroupCount) {
        even = Numbers.larger(Element.load(tail + vector &* Element.vectorByteCount), even)
      }
    }
    return Numbers.largestLane(Numbers.larger(even, odd))
  }

  @inline(__always)
  private var holdsNaN: Bool {
    for index in 0..<groupCount {
      for vector in 0..<vectorCount(ofGroup: index) {
        let lanes = Element.load(group(index) + vector &* Element.vectorByteCount)
        if Numbers.equalLanes(lanes, lanes) != .max { return true }
      }
    }
    return false
  }

  @inline(__always)
  private func firstPosition(of value: Double) -> Int {
    let wanted = Numbers.repeating(value)
    for index in 0..<groupCount {
      let group = group(index)
      @inline(__always) func vector(_ vector: Int) -> Numbers.Vector {
        Element.load(group + vector &* Element.vectorByteCount)
      }
      guard Numbers.anyLane(of: vector(0), vector(1), vector(2), vector(3), equals: wanted) else { continue }
      var equal: UInt64 = 0
      for place in 0..<exponentialsPerGroup {
        equal |= UInt64(Numbers.equalLanes(vector(place), wanted)) &<< UInt64(place &* Geometry.laneCount)
      }
      return index &* Self.groupLength &+ equal.trailingZeroBitCount
    }
    return 0
  }

  /// Copies the group of the element at `position`, which is to add nothing.
  @inline(__always)
  private func copyWithout(_ position: Int) {
    hole.copyMemory(from: group(position / Self.groupLength), byteCount: Self.groupByteCount)
    clear(hole, position % Self.groupLength)
  }

  /// Caps all logits ahead of their exponentials: one after the other, cap and exponential are so long a chain that the
  /// processor waits for its links.
  @inline(__always)
  private func capLogits(holeIndex: Int) {
    for index in 0..<groupCount {
      let group = group(index, holeIndex: holeIndex)
      for vector in 0..<vectorCount(ofGroup: index) {
        let logits = Element.load(group + vector &* Element.vectorByteCount)
        capped.storeBytes(
          of: transform.applied(to: logits, of: Numbers.self, as: Kind.self),
          toByteOffset: cappedOffset(index, vector), as: Numbers.Vector.self)
      }
    }
  }

  @inline(__always)
  private func cappedOffset(_ group: Int, _ vector: Int) -> Int {
    (group &* exponentialsPerGroup &+ vector) &* MemoryLayout<Numbers.Vector>.size
  }

  @inline(__always)
  private func group(_ index: Int, holeIndex: Int) -> UnsafeRawPointer {
    index == holeIndex ? UnsafeRawPointer(hole) : group(index)
  }

  /// The sum over all elements but the maximum, scaled.
  @inline(__always)
  private func sumOfOthers<Sums: Arithmetic>(
    maximum: Double, holeIndex: Int, in arithmetic: Sums.Type, _ converted: (Numbers.Vector) -> Sums.Vector
  ) -> Double {
    let reference = Sums.reference(maximum: maximum)
    var sums = Sums.noSums
    for index in 0..<groupCount {
      let group = group(index, holeIndex: holeIndex)
      @inline(__always) func vector(_ vector: Int) -> Sums.Vector {
        let offset = vector &* Element.vectorByteCount
        prefetch(elements + (index &* Self.groupByteCount &+ offset &+ Self.prefetchByteCount))
        return converted(
          Kind.caps
            ? capped.loadUnaligned(fromByteOffset: cappedOffset(index, vector), as: Numbers.Vector.self)
            : transform.applied(to: Element.load(group + offset), of: Numbers.self, as: Kind.self))
      }
      if index < wholeGroupCount {
        Sums.add(count: exponentialsPerGroup, reference, to: &sums, vector: vector)
      } else {
        Sums.add(count: vectorCount(ofGroup: index), reference, to: &sums, vector: vector)
      }
    }
    return Sums.total(sums)
  }
}
