import CKernelShims

/// Exponentials of floats, summed in f64.
enum FloatArithmetic: Arithmetic {
  @inline(__always) static func repeating(_ value: Double) -> Lanes { Lanes(repeating: Float(value)) }
  @inline(__always) static func larger(_ a: Lanes, _ b: Lanes) -> Lanes { CKernelShims.larger(a, b) }
  @inline(__always) static func largestLane(_ vector: Lanes) -> Double { Double(CKernelShims.largestLane(vector)) }
  @inline(__always) static func equalLanes(_ a: Lanes, _ b: Lanes) -> UInt16 { CKernelShims.equalLanes(a, b) }
  @inline(__always) static func greaterLanes(_ a: Lanes, _ b: Lanes) -> UInt16 { CKernelShims.greaterLanes(a, b) }
  @inline(__always) static func select(_ a: Lanes, isGreaterThan b: Lanes, yes: IntegerLanes, no: IntegerLanes)
    -> IntegerLanes
  {
    CKernelShims.select(a, isGreaterThan: b, yes: yes, no: no)
  }
  @inline(__always) static func firstLane(_ vector: Lanes) -> Double { Double(vector[0]) }
  @inline(__always) static func widened(_ vector: Lanes) -> WideLanes { CKernelShims.widened(vector) }
  @inline(__always) static var areNarrow: Bool { true }
  @inline(__always) static func divided(_ x: Lanes, by divisor: Lanes) -> Lanes { x / divisor }
  @inline(__always) static func capped(_ x: Lanes, at cap: Double) -> Lanes {
    softcapped(x, at: cap)
  }

  @inline(__always)
  static func covers(maximum: Double) -> Bool { maximum.magnitude <= Double(LaneReferences.largestMaximum) }

  @inline(__always)
  static func reference(maximum: Double) -> (magics: Lanes, floors: Lanes) {
    let references = LaneReferences(maxima: repeating(maximum))
    return (references.magics, references.floors)
  }

  /// The sums of nodes, and in memory those of the rests of so many vectors as are added at a time. To make doubles of each before the
  /// next took a tenth of the time of all.
  typealias Sums = (
    nodes: EightDoubles, rests: UnsafeMutablePointer<Lanes>, endOfRests: UnsafeMutablePointer<Lanes>
  )

  @inline(__always)
  static func noSums(_ room: UnsafeMutableRawPointer) -> Sums {
    let rests = room.assumingMemoryBound(to: Lanes.self)
    return (EightDoubles(repeating: 0), rests, rests)
  }

  /// Those whose rests are added in f32 before they are added in f64.
  #if KERNEL_FMA
    @inline(__always) static var vectorsPerSum: Int { 8 }
  #else
    @inline(__always) static var vectorsPerSum: Int { 4 }
  #endif

  @inline(__always)
  static func add(count: Int, _ reference: (magics: Lanes, floors: Lanes), to sums: inout Sums, vector: (Int) -> Lanes)
  {
    var rests = Lanes(repeating: 0)
    forEachExponential(
      count: count, of: vector, by: .short, magic: reference.magics, floor: reference.floors
    ) {
      add($0, to: &sums.nodes, &rests)
    }
    sums.endOfRests.pointee = rests
    sums.endOfRests += 1
  }

  @inline(__always)
  private static func add(_ exponentials: ScaledExponentials, to nodes: inout EightDoubles, _ rests: inout Lanes) {
    // The two halves first: one vector's addition waits for the last one's.
    nodes = pinned(nodes + pinned(oddNodes(exponentials.nodes) + evenNodes(exponentials.nodes)))
    addRest(exponentials, to: &rests)
  }

  @inline(__always)
  static func total(_ sums: Sums) -> Double {
    var rests = EightDoubles(repeating: 0)
    for index in 0..<sums.endOfRests - sums.rests {
      let wide = CKernelShims.widened(sums.rests[index])
      rests = rests + (wide.lowHalf + wide.highHalf)
    }
    return sum(sums.nodes) * LaneReferences.nodeScale + sum(rests) * LaneReferences.restScale
  }

  @inline(__always) static var smallestCompleteSum: Double { LaneReferences.smallestComplete }

  @inline(__always)
  static func scaling(maximum: Double) -> Scaling {
    (0, LaneReferences(maxima: repeating(maximum)).power, LaneReferences.excess)
  }
}
