import CKernelShims

/// Of each lane the exponential of its maximum, and the sum of the others, both divided by the same power of two.
typealias LaneSums = (others: WideLanes, ofMaxima: WideLanes)

/// What rows are computed in that stand side by side, one a lane.
protocol LaneArithmetic: Arithmetic {
  static func select(_ a: IntegerLanes, equals b: IntegerLanes, yes: Vector, no: Vector) -> Vector
  /// The smaller of each pair of lanes, and `b` where either is NaN.
  static func smaller(_ a: Vector, _ b: Vector) -> Vector

  /// - Parameters:
  ///   - columns: `count` of them, from which each lane's maximum is left out, and room for one at least. Written over.
  ///   - transformed: what is done to each first.
  static func sums(
    maxima: Vector, count: Int, columns: UnsafeMutablePointer<Vector>, _ transformed: (Vector) -> Vector
  ) -> LaneSums
  /// The logarithm of the sum of all exponentials of each lane relative to its maximum.
  static func logSums(_ sums: LaneSums) -> WideLanes
  /// One bit for each lane whose sum is right, the lowest for lane 0: not where the maximum is not finite or so large that
  /// lanes do not cover it, where a logit is NaN, and where the sum is so small that it may lack terms.
  /// - Parameter count: of exponentials in a sum.
  static func ordinaryLanes(maxima: Vector, scaledSums: WideLanes, count: Int) -> UInt16
  /// Whether all of them are.
  static func areOrdinary(maxima: Vector, scaledSums: WideLanes, count: Int) -> Bool
}

extension FloatArithmetic: LaneArithmetic {
  @inline(__always)
  static func select(_ a: IntegerLanes, equals b: IntegerLanes, yes: Lanes, no: Lanes) -> Lanes {
    CKernelShims.select(a, equals: b, yes: yes, no: no)
  }

  @inline(__always) static func smaller(_ a: Lanes, _ b: Lanes) -> Lanes { CKernelShims.smaller(a, b) }

  @inline(__always)
  static func sums(
    maxima: Lanes, count: Int, columns: UnsafeMutablePointer<Lanes>, _ transformed: (Lanes) -> Lanes
  ) -> LaneSums {
    let references = LaneReferences(maxima: maxima)
    let ofMaxima = references.exponentials(of: maxima)
    if count == 1 { return (references.exponentials(of: transformed(columns[0])), ofMaxima) }
    let (magics, floors) = (references.magics, references.floors)
    var even = EightDoubles(repeating: 0)
    var odd = even
    var index = 0
    var restCount = 0
    while index < count {
      let first = index
      let groupCount = min(vectorsPerSum, count &- first)
      var group = Lanes(repeating: 0)
      // To correct sixteen sums costs as much as the exact reduction of some fifteen columns.
      forEachExponential(
        count: groupCount, of: { transformed(columns[first &+ $0]) }, by: .exact, magic: magics, floor: floors
      ) {
        even = pinned(even + evenNodes($0.nodes))
        odd = pinned(odd + oddNodes($0.nodes))
        addRest($0, to: &group)
      }
      // As in `Sums`, here in the place of columns that are done with.
      columns[restCount] = group
      restCount &+= 1
      index &+= groupCount
    }
    var rests = WideLanes(repeating: 0)
    for index in 0..<restCount { rests = rests + CKernelShims.widened(columns[index]) }
    let others = multiplyAdd(
      interleaved(even, odd), WideLanes(repeating: LaneReferences.nodeScale),
      rests * WideLanes(repeating: LaneReferences.restScale))
    return (others, ofMaxima)
  }

  @inline(__always)
  static func logSums(_ sums: LaneSums) -> WideLanes { shortLogarithms(onePlus: sums.others, over: sums.ofMaxima) }

  @inline(__always)
  static func ordinaryLanes(maxima: Lanes, scaledSums: WideLanes, count: Int) -> UInt16 {
    CKernelShims.ordinaryLanes(
      maxima: maxima, atMost: LaneReferences.largestMaximum, sums: scaledSums, least: smallestComplete(count))
  }

  @inline(__always)
  static func areOrdinary(maxima: Lanes, scaledSums: WideLanes, count: Int) -> Bool {
    CKernelShims.areOrdinary(
      maxima: maxima, atMost: LaneReferences.largestMaximum, sums: scaledSums, least: smallestComplete(count))
  }

  @inline(__always)
  private static func smallestComplete(_ count: Int) -> Double { count == 0 ? 0 : LaneReferences.smallestComplete }
}

extension DoubleArithmetic: LaneArithmetic {
  @inline(__always)
  static func select(_ a: IntegerLanes, equals b: IntegerLanes, yes: WideLanes, no: WideLanes) -> WideLanes {
    CKernelShims.select(a, equals: b, yes: yes, no: no)
  }

  @inline(__always) static func smaller(_ a: WideLanes, _ b: WideLanes) -> WideLanes { CKernelShims.smaller(a, b) }

  @inline(__always)
  static func sums(
    maxima: WideLanes, count: Int, columns: UnsafeMutablePointer<WideLanes>, _ transformed: (WideLanes) -> WideLanes
  ) -> LaneSums {
    let references = references(maxima: maxima)
    var (others, ofMaxima) = (noSums, noSums)
    add(count: count, references, to: &others) { transformed(columns[$0]) }
    add(count: 1, references, to: &ofMaxima) { _ in maxima }
    return (others.total + others.lost, ofMaxima.total)
  }

  @inline(__always)
  static func logSums(_ sums: LaneSums) -> WideLanes {
    #if KERNEL_FMA
      logarithms(onePlus: sums.others, over: sums.ofMaxima)
    #else
      logarithms(onePlus: sums.others / sums.ofMaxima, low: WideLanes(repeating: 0))
    #endif
  }

  @inline(__always)
  static func ordinaryLanes(maxima: WideLanes, scaledSums: WideLanes, count: Int) -> UInt16 {
    CKernelShims.ordinaryLanes(
      maxima: maxima, atMost: largestUncentered, sums: scaledSums, least: smallestCompleteSum)
  }

  @inline(__always)
  static func areOrdinary(maxima: WideLanes, scaledSums: WideLanes, count: Int) -> Bool {
    ordinaryLanes(maxima: maxima, scaledSums: scaledSums, count: count) == .max
  }
}
