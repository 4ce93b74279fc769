import CKernelShims

/// Room for the capped logits of one block, and for what is kept of each that is worked on.
let blockScratchByteCount = cappedByteCount + blocksAtOnce * keptByteCount
private let cappedByteCount = Geometry.blockLength * MemoryLayout<Double>.size
/// Two groups, vectors between the steps, of which two suffice, and rests.
private let keptByteCount = (2 * vectorsPerGroup + 2) * MemoryLayout<WideLanes>.size + restsByteCount
/// A vector of floats for so many as are added at a time.
private let restsByteCount = Geometry.blockLength / FloatArithmetic.vectorsPerSum * MemoryLayout<Float>.size

@inline(__always) private var vectorsPerGroup: Int { 4 }

/// How many blocks may be worked on at once.
@inline(__always) var blocksAtOnce: Int { Geometry.laneCount }

/// How far ahead memory is asked for while a block is summed or labels are looked through: two blocks of f32, which are those
/// that are searched next, as a search asks for nothing. Much more would push the blocks at hand out of the first cache.
@inline(__always) var prefetchByteCount: Int { 16384 }

/// How far ahead it is to be in the second cache.
@inline(__always) var farPrefetchByteCount: Int { 32768 }

/// One block of logits: at most `Geometry.blockLength` consecutive elements of a row, read in place.
///
/// Its vectors are taken in groups. The last group may be short, and one holds the block's maximum, which the sum leaves
/// out: these two are computed from copies, filled up with -infinity, which adds exactly nothing.
///
/// It is summarised in four steps, as `Blocks` says.
struct Block<Element: LogitElement, Kind: TransformKind> {
  private typealias Numbers = Element.Numbers

  private let elements: UnsafeRawPointer
  private let transform: LogitTransform
  /// Vectors with an element of the block.
  private let vectorCount: Int
  private let wholeGroupCount: Int
  private let groupCount: Int
  private let tailLength: Int
  /// A copy of the short last group.
  private let tail: UnsafeMutableRawPointer
  /// A copy of the group with the maximum.
  private let hole: UnsafeMutableRawPointer
  /// What one step leaves for the next.
  private let kept: UnsafeMutableRawPointer
  /// Room for the sums of rests.
  private let rests: UnsafeMutableRawPointer
  /// The softcapped logits, where there is a softcap.
  private let capped: UnsafeMutableRawPointer

  @inline(__always) private static var groupLength: Int { vectorsPerGroup &* Geometry.laneCount }
  @inline(__always) private static var groupByteCount: Int { vectorsPerGroup &* Element.vectorByteCount }

  /// - Parameters:
  ///   - place: its own among the blocks that are worked on at once, less than `blocksAtOnce`.
  ///   - scratch: `blockScratchByteCount` bytes.
  @inline(__always)
  init(
    _ elements: UnsafeRawPointer, count: Int, transform: LogitTransform, place: Int, scratch: UnsafeMutableRawPointer
  ) {
    self.elements = elements
    self.transform = transform
    vectorCount = (count &+ Geometry.laneCount &- 1) / Geometry.laneCount
    wholeGroupCount = count / Self.groupLength
    tailLength = count % Self.groupLength
    groupCount = wholeGroupCount &+ (tailLength > 0 ? 1 : 0)
    capped = scratch
    tail = scratch + (cappedByteCount &+ place &* keptByteCount)
    hole = tail + Self.groupByteCount
    kept = hole + Self.groupByteCount
    rests = tail + (keptByteCount &- restsByteCount)
  }

  @inline(__always)
  private func group(_ index: Int) -> UnsafeRawPointer {
    index < wholeGroupCount ? elements + index &* Self.groupByteCount : UnsafeRawPointer(tail)
  }

  @inline(__always)
  private func vectorCount(ofGroup index: Int) -> Int {
    min(vectorsPerGroup, vectorCount &- index &* vectorsPerGroup)
  }

  // MARK: Search

  /// In each lane the largest logit that is not NaN, before the transform.
  @inline(__always)
  private var laneMaxima: UnsafeMutablePointer<Numbers.Vector> { kept.assumingMemoryBound(to: Numbers.Vector.self) }
  /// The index of the first group with it.
  @inline(__always)
  private var laneGroups: UnsafeMutableRawPointer { kept + MemoryLayout<Numbers.Vector>.size }

  /// The first step: finds the largest logit of each lane. Copies the short last group.
  ///
  /// Groups are noted on the way, as a search behind would end at a place that no processor foresees. A NaN can hide other
  /// elements here, and makes the sum NaN.
  ///
  /// - Parameter readableCount: how many elements there are from the block's first on, at least its own: what follows them must
  ///   not be read.
  @inline(__always)
  func findLaneMaxima(readableCount: Int) {
    if tailLength > 0 { copyTail(readableCount: readableCount) }
    var maxima = Numbers.repeating(-.infinity)
    var groups = IntegerLanes(repeating: 0)
    var indices = groups
    for index in 0..<groupCount {
      let group = group(index)
      @inline(__always) func vector(_ vector: Int) -> Numbers.Vector {
        Element.load(group + vector &* Element.vectorByteCount)
      }
      let larger = Numbers.larger(Numbers.larger(vector(0), vector(1)), Numbers.larger(vector(2), vector(3)))
      groups = Numbers.select(larger, isGreaterThan: maxima, yes: indices, no: groups)
      maxima = Numbers.larger(larger, maxima)
      indices = xentAdd(indices, IntegerLanes(repeating: 1))
    }
    laneMaxima.pointee = maxima
    laneGroups.storeBytes(of: groups, as: IntegerLanes.self)
  }

  /// The largest logit that is not NaN, before the transform and after it, and where it first stands in the block.
  typealias Peak = (rawMaximum: Double, maximum: Double, position: Int)

  /// The second step: finds the block's maximum. Copies the group with it.
  @inline(__always)
  func findPeak() -> Peak {
    let maxima = laneMaxima.pointee
    let rawMaximum = Numbers.largestLane(maxima)
    // The transform is increasing, so that the search needs none.
    let maximum = transform.applied(to: rawMaximum, of: Numbers.self, as: Kind.self)
    guard rawMaximum.isFinite else { return (rawMaximum, maximum, 0) }
    // It seldom stands in more than one lane.
    var lanes = Numbers.equalLanes(maxima, Numbers.repeating(rawMaximum))
    let groups = laneGroups.assumingMemoryBound(to: Int32.self)
    var group = Int.max
    repeat {
      group = min(group, Int(groups[lanes.trailingZeroBitCount]))
      lanes &= lanes &- 1
    } while lanes != 0
    let place = place(of: rawMaximum, inGroup: group)
    copyGroup(group, without: place)
    return (rawMaximum, maximum, group &* Self.groupLength &+ place)
  }

  @inline(__always)
  private func copyTail(readableCount: Int) {
    var lastGroup = elements + wholeGroupCount &* Self.groupByteCount
    if readableCount < groupCount &* Self.groupLength {
      tail.copyMemory(from: lastGroup, byteCount: tailLength &* Element.byteCount)
      lastGroup = UnsafeRawPointer(tail)
    }
    for vector in 0..<vectorsPerGroup {
      let offset = vector &* Element.vectorByteCount
      Element.copyVector(
        from: lastGroup + offset, to: tail + offset, but: tailLength &- vector &* Geometry.laneCount,
        upTo: Geometry.laneCount)
    }
  }

  /// Where in this group a value first stands that it holds.
  @inline(__always)
  private func place(of value: Double, inGroup index: Int) -> Int {
    let wanted = Numbers.repeating(value)
    let group = group(index)
    var equal: UInt64 = 0
    for place in 0..<vectorsPerGroup {
      let lanes = Numbers.equalLanes(Element.load(group + place &* Element.vectorByteCount), wanted)
      equal |= UInt64(lanes) &<< UInt64(place &* Geometry.laneCount)
    }
    return equal.trailingZeroBitCount
  }

  /// Copies a group, of which the element at `place` is to add nothing.
  @inline(__always)
  private func copyGroup(_ index: Int, without place: Int) {
    let group = group(index)
    hole.copyMemory(from: group, byteCount: Self.groupByteCount)
    let (vector, lane) = (place &>> Geometry.laneCount.trailingZeroBitCount, place & (Geometry.laneCount &- 1))
    let offset = vector &* Element.vectorByteCount
    Element.copyVector(from: group + offset, to: hole + offset, but: lane, upTo: lane &+ 1)
  }

  // MARK: Sum

  /// The third step: sums the exponentials of each lane but that of the maximum.
  @inline(__always)
  func sumLanes(_ peak: Peak) {
    guard peak.maximum.isFinite, Numbers.covers(maximum: peak.maximum) else { return }
    let holeIndex = peak.position / Self.groupLength
    if Kind.caps { capLogits(holeIndex: holeIndex) }
    kept.assumingMemoryBound(to: Numbers.Sums.self).pointee =
      laneSums(maximum: peak.maximum, holeIndex: holeIndex, in: Numbers.self) { $0 }
  }

  /// The fourth step: the block's maximum, where in the block it first stands, and the scaled sum of the other exponentials.
  @inline(__always)
  func summary(_ peak: Peak) -> BlockSummary {
    let (rawMaximum, maximum, position) = peak
    // Not finite: a row of this kind gets its answer from what its elements are, not from a sum.
    guard maximum.isFinite else {
      return BlockSummary(
        maximum: maximum, rawMaximum: rawMaximum, scaledSum: holdsNaN ? .nan : 0, power: 0, center: maximum, excess: 0,
        argmax: 0)
    }
    var scaledSum = 0.0
    var scaling = Numbers.scaling(maximum: maximum)
    let isCovered = Numbers.covers(maximum: maximum)
    if isCovered { scaledSum = Numbers.total(kept.assumingMemoryBound(to: Numbers.Sums.self).pointee) }
    if !isCovered || scaledSum < Numbers.smallestCompleteSum {
      // Seldom: logits that are very large, or so far below the maximum that only doubles reach them.
      scaledSum = sumInDoubles(maximum: maximum, holeIndex: position / Self.groupLength)
      scaling = DoubleArithmetic.scaling(maximum: maximum)
    }
    return BlockSummary(
      maximum: maximum, rawMaximum: rawMaximum, scaledSum: scaledSum, power: scaling.power, center: scaling.center,
      excess: scaling.excess, argmax: Int64(position))
  }

  /// Not inlined: it is long, and compiled for each type of logits and kind of transform.
  @inline(never)
  private func sumInDoubles(maximum: Double, holeIndex: Int) -> Double {
    // Another block's may stand there.
    if Kind.caps { capLogits(holeIndex: holeIndex) }
    return DoubleArithmetic.total(
      laneSums(maximum: maximum, holeIndex: holeIndex, in: DoubleArithmetic.self, Numbers.widened))
  }

  @inline(never)
  private var holdsNaN: Bool {
    for index in 0..<groupCount {
      for vector in 0..<vectorCount(ofGroup: index) {
        let lanes = Element.load(group(index) + vector &* Element.vectorByteCount)
        if Numbers.equalLanes(lanes, lanes) != .max { return true }
      }
    }
    return false
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
    (group &* vectorsPerGroup &+ vector) &* MemoryLayout<Numbers.Vector>.size
  }

  @inline(__always)
  private func group(_ index: Int, holeIndex: Int) -> UnsafeRawPointer {
    index == holeIndex ? UnsafeRawPointer(hole) : group(index)
  }

  /// The scaled sums over all elements of each lane but the maximum.
  @inline(__always)
  private func laneSums<Sums: Arithmetic>(
    maximum: Double, holeIndex: Int, in arithmetic: Sums.Type, _ converted: (Numbers.Vector) -> Sums.Vector
  ) -> Sums.Sums {
    let reference = Sums.reference(maximum: maximum)
    var sums = Sums.noSums(rests)
    /// Adds some vectors from a group on.
    @inline(__always) func add(count: Int, from first: Int) {
      let groups = (group(first, holeIndex: holeIndex), group(first &+ 1, holeIndex: holeIndex))
      Sums.add(count: count, reference, to: &sums) { vector in
        let offset = vector &* Element.vectorByteCount
        let logitsAhead = elements + (first &* Self.groupByteCount &+ offset)
        prefetch(logitsAhead + prefetchByteCount)
        // Other types take longer for the bytes of a vector.
        if Element.vectorByteCount == MemoryLayout<Lanes>.size {
          prefetchFarWithAVX512(logitsAhead + farPrefetchByteCount)
        }
        if Kind.caps {
          return converted(capped.loadUnaligned(fromByteOffset: cappedOffset(first, vector), as: Numbers.Vector.self))
        }
        let logits = vector < vectorsPerGroup ? groups.0 + offset : groups.1 + (offset &- Self.groupByteCount)
        return converted(transform.applied(to: Element.load(logits), of: Numbers.self, as: Kind.self))
      }
    }
    var left = vectorCount
    var first = 0
    while left >= Sums.vectorsPerSum {
      add(count: Sums.vectorsPerSum, from: first)
      first &+= Sums.vectorsPerSum / vectorsPerGroup
      left &-= Sums.vectorsPerSum
    }
    if left > 0 { add(count: left, from: first) }
    return sums
  }
}
