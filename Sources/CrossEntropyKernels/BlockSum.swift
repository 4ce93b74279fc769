import CKernelShims

/// Room for the copies that a block makes of its unusual vectors.
let blockScratchByteCount = 2 * MemoryLayout<WideLanes>.size

/// One block of logits: at most `Geometry.blockLength` consecutive elements of a row, read in place and never past.
///
/// The last vector may be short, and one holds the block's maximum, which the sum leaves out: these two are computed
/// from copies, filled up with -infinity, which adds exactly nothing.
struct Block<Element: LogitElement, Kind: TransformKind> {
  private typealias Numbers = Element.Numbers

  private let elements: UnsafeRawPointer
  private let transform: LogitTransform
  private let wholeVectorCount: Int
  private let vectorCount: Int
  /// A copy of the short last vector.
  private let tail: UnsafeMutableRawPointer
  /// A copy of the vector with the maximum.
  private let hole: UnsafeMutableRawPointer

  @inline(__always)
  init(_ elements: UnsafeRawPointer, count: Int, transform: LogitTransform, scratch: UnsafeMutableRawPointer) {
    self.elements = elements
    self.transform = transform
    wholeVectorCount = count / Geometry.laneCount
    tail = scratch
    hole = scratch + Element.vectorByteCount
    let tailLength = count % Geometry.laneCount
    vectorCount = wholeVectorCount &+ (tailLength > 0 ? 1 : 0)
    guard tailLength > 0 else { return }
    for lane in 0..<Geometry.laneCount { clear(tail, lane: lane) }
    tail.copyMemory(
      from: elements + wholeVectorCount &* Element.vectorByteCount, byteCount: tailLength &* Element.byteCount)
  }

  @inline(__always)
  private func vector(_ index: Int) -> UnsafeRawPointer {
    index < wholeVectorCount ? elements + index &* Element.vectorByteCount : UnsafeRawPointer(tail)
  }

  /// Has an element of a copied vector add nothing.
  @inline(__always)
  private func clear(_ vector: UnsafeMutableRawPointer, lane: Int) {
    vector.storeBytes(of: Element.negativeInfinity, toByteOffset: lane &* Element.byteCount, as: Element.Bits.self)
  }

  /// The block's maximum, where it first stands, and the scaled sum of the other exponentials.
  @inline(__always)
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
    let (center, power) = Numbers.scaling(maximum: maximum)
    return BlockSummary(
      maximum: maximum, rawMaximum: rawMaximum, scaledSum: scaledSum(maximum: maximum, position: position),
      power: power, center: center, argmax: Int64(firstClass &+ position))
  }

  @inline(__always)
  private var rawMaximum: Double {
    var even = Numbers.repeating(-.infinity)
    var odd = even
    var index = 0
    while index &+ 1 < wholeVectorCount {
      even = Numbers.larger(Element.load(vector(index)), even)
      odd = Numbers.larger(Element.load(vector(index &+ 1)), odd)
      index &+= 2
    }
    while index < vectorCount {
      even = Numbers.larger(Element.load(vector(index)), even)
      index &+= 1
    }
    return Numbers.largestLane(Numbers.larger(even, odd))
  }

  @inline(__always)
  private var holdsNaN: Bool {
    for index in 0..<vectorCount {
      let lanes = Element.load(vector(index))
      if Numbers.equalLanes(lanes, lanes) != .max { return true }
    }
    return false
  }

  @inline(__always)
  private func firstPosition(of value: Double) -> Int {
    let wanted = Numbers.repeating(value)
    for index in 0..<vectorCount {
      let equal = Numbers.equalLanes(Element.load(vector(index)), wanted)
      if equal != 0 { return index &* Geometry.laneCount &+ equal.trailingZeroBitCount }
    }
    return 0
  }

  @inline(__always)
  private func exponentials(
    _ index: Int, holeIndex: Int, _ reference: BlockReference<Numbers.Vector>
  ) -> ScaledExponentials<Numbers.Vector> {
    // The next block, or row, comes from memory while this one is computed.
    prefetch(elements + (index &* Element.vectorByteCount &+ Geometry.blockLength &* Element.byteCount))
    let x = Element.load(index == holeIndex ? UnsafeRawPointer(hole) : vector(index))
    return Numbers.exponentials(of: transform.applied(to: x, of: Numbers.self, as: Kind.self), reference)
  }

  /// The sum over all elements but the one at `position`, scaled.
  @inline(__always)
  private func scaledSum(maximum: Double, position: Int) -> Double {
    let holeIndex = position / Geometry.laneCount
    hole.copyMemory(from: vector(holeIndex), byteCount: Element.vectorByteCount)
    clear(hole, lane: position % Geometry.laneCount)
    let reference = Numbers.reference(maximum: maximum)
    var sums: BlockSums = (WideLanes(repeating: 0), WideLanes(repeating: 0))
    // One vector ahead of the sum: two short chains keep the machine busier than a long one.
    var ahead = exponentials(0, holeIndex: holeIndex, reference)
    for index in 1..<max(1, vectorCount) {
      let next = exponentials(index, holeIndex: holeIndex, reference)
      Numbers.add(ahead, to: &sums)
      ahead = next
    }
    Numbers.add(ahead, to: &sums)
    return sum(sums.total) + sum(sums.lost)
  }
}
