import CKernelShims

/// Room for the copies that a block makes of its unusual vectors.
let blockScratchByteCount = 2 * Geometry.vectorByteCount

/// One block of logits: at most `Geometry.blockLength` consecutive elements of a row, read in place and never past.
///
/// The last vector may be short, and one holds the block's maximum, which the sum leaves out: these two are computed
/// from copies, filled up with -infinity, which adds exactly nothing.
struct Block<Element: LogitElement> {
  private let elements: UnsafeRawPointer
  private let wholeVectorCount: Int
  private let vectorCount: Int
  /// A copy of the short last vector.
  private let tail: UnsafeMutableRawPointer
  /// A copy of the vector with the maximum.
  private let hole: UnsafeMutableRawPointer

  @inline(__always)
  init(_ elements: UnsafeRawPointer, count: Int, scratch: UnsafeMutableRawPointer) {
    self.elements = elements
    wholeVectorCount = count / Geometry.laneCount
    tail = scratch
    hole = scratch + Geometry.vectorByteCount
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

  /// The block's maximum, where it first stands, and the sum of the other exponentials.
  @inline(__always)
  func summary(firstClass: Int) -> BlockSummary {
    let maximum = self.maximum
    // Not finite: a row of this kind gets its answer from what its elements are, not from a sum.
    guard maximum.isFinite else {
      return BlockSummary(maximum: Double(maximum), sumOfOthers: holdsNaN ? .nan : 0, argmax: Int64(firstClass))
    }
    let position = firstPosition(of: maximum)
    let sum = sumOfOthers(maximum: maximum, position: position)
    return BlockSummary(maximum: Double(maximum), sumOfOthers: sum, argmax: Int64(firstClass &+ position))
  }

  @inline(__always)
  private var maximum: Float {
    var (even, odd) = (Lanes(repeating: -.infinity), Lanes(repeating: -.infinity))
    var index = 0
    while index &+ 1 < wholeVectorCount {
      even = larger(Element.load(vector(index)), even)
      odd = larger(Element.load(vector(index &+ 1)), odd)
      index &+= 2
    }
    while index < vectorCount {
      even = larger(Element.load(vector(index)), even)
      index &+= 1
    }
    return largestLane(larger(even, odd))
  }

  @inline(__always)
  private var holdsNaN: Bool {
    for index in 0..<vectorCount {
      let lanes = Element.load(vector(index))
      if equalLanes(lanes, lanes) != .max { return true }
    }
    return false
  }

  @inline(__always)
  private func firstPosition(of value: Float) -> Int {
    let wanted = Lanes(repeating: value)
    for index in 0..<vectorCount {
      let equal = equalLanes(Element.load(vector(index)), wanted)
      if equal != 0 { return index &* Geometry.laneCount &+ equal.trailingZeroBitCount }
    }
    return 0
  }

  /// The sum of `exp(x - maximum)` over all elements but the one at `position`.
  @inline(__always)
  private func sumOfOthers(maximum: Float, position: Int) -> Double {
    let holeIndex = position / Geometry.laneCount
    hole.copyMemory(from: vector(holeIndex), byteCount: Element.vectorByteCount)
    clear(hole, lane: position % Geometry.laneCount)
    let reference = LaneReferences(maxima: Lanes(repeating: maximum))
    let scaledSum =
      maximum.magnitude <= LaneReferences.largestUncentered
      ? scaledSum(reference, holeIndex: holeIndex, isCentered: false)
      : scaledSum(reference, holeIndex: holeIndex, isCentered: true)
    return scaledSum * reference.scale(maximum: maximum)
  }

  @inline(__always)
  private func scaledSum(_ reference: LaneReferences, holeIndex: Int, isCentered: Bool) -> Double {
    let magic = reference.magics
    let floor = reference.floors
    let center = reference.centers
    var total = WideLanes(repeating: 0)
    for index in 0..<vectorCount {
      let x = Element.load(index == holeIndex ? UnsafeRawPointer(hole) : vector(index))
      addExponentials(of: isCentered ? x - center : x, magic: magic, floor: floor, to: &total)
    }
    return sum(total)
  }
}
