import CKernelShims

/// A type that logits can have in memory. 16-bit logits are widened in registers: no widened copy exists.
protocol LogitElement {
  associatedtype Bits: FixedWidthInteger & BitwiseCopyable
  /// What it is computed in.
  associatedtype Numbers: LaneArithmetic
  /// The bits of -infinity, which adds nothing to a sum.
  static var negativeInfinity: Bits { get }
  static func widened(_ bits: Bits) -> Double
  /// The sixteen elements at `pointer`, which need not be aligned.
  static func load(_ pointer: UnsafeRawPointer) -> Numbers.Vector
  /// Writes the columns of sixteen rows as vectors one behind the other; up to three columns more than there are.
  /// `elementsReadBehindRows` behind the last row may be read.
  static func loadColumns(_ rows: UnsafeRawPointer, classCount: Int, into columns: UnsafeMutableRawPointer)
}

extension LogitElement {
  @inline(__always) static var byteCount: Int { MemoryLayout<Bits>.size }
  @inline(__always) static var vectorByteCount: Int { Geometry.laneCount &* byteCount }

  /// The element of this index.
  @inline(__always)
  static func element(_ index: Int, of row: UnsafeRawPointer) -> Double {
    widened(row.loadUnaligned(fromByteOffset: index &* byteCount, as: Bits.self))
  }

  /// Copies a vector, but has -infinity, which adds nothing, in place of the elements from `first` up to `end`, which may lie
  /// outside.
  @inline(__always)
  static func copyVector(from vector: UnsafeRawPointer, to copy: UnsafeMutableRawPointer, but first: Int, upTo end: Int)
  {
    let first = Int16(truncatingIfNeeded: first)
    let end = Int16(truncatingIfNeeded: end)
    let fill = UInt64(truncatingIfNeeded: negativeInfinity)
    switch byteCount {
    case 2:
      copyLanes16(from: vector, to: copy, first: first, end: end, fill: UInt16(truncatingIfNeeded: fill))
    case 4:
      copyLanes32(from: vector, to: copy, first: first, end: end, fill: UInt32(truncatingIfNeeded: fill))
    default: copyLanes64(from: vector, to: copy, first: first, end: end, fill: fill)
    }
  }
}

/// What must follow sixteen rows whose columns are loaded, which is done four or eight elements of a row at a time.
@inline(__always) func elementsReadBehindRows(classCount: Int) -> Int { (4 &- classCount % 4) % 4 }

extension LogitElement where Numbers == FloatArithmetic {
  @inline(__always)
  fileprivate static func loadFloatColumns(
    _ rows: UnsafeRawPointer, format: LogitFormat, classCount: Int, into columns: UnsafeMutableRawPointer
  ) {
    let stride = classCount &* byteCount
    var index = 0
    while index < classCount {
      let (first, column) = (rows + index &* byteCount, columns + index &* Geometry.vectorByteCount)
      if classCount &- index > 4 {
        loadEightColumns(first, format: format, stride: stride, into: column)
        index &+= 8
      } else {
        loadFourColumns(first, format: format, stride: stride, into: column)
        index &+= 4
      }
    }
  }
}

enum F32Element: LogitElement {
  typealias Numbers = FloatArithmetic
  @inline(__always) static var negativeInfinity: UInt32 { 0xff80_0000 }
  @inline(__always) static func widened(_ bits: UInt32) -> Double { Double(Float(bitPattern: bits)) }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes { pointer.loadUnaligned(as: Lanes.self) }
  @inline(__always)
  static func loadColumns(_ rows: UnsafeRawPointer, classCount: Int, into columns: UnsafeMutableRawPointer) {
    guard classCount != 2 else { return loadTwoColumns(rows, into: columns) }
    loadFloatColumns(rows, format: XENT_FORMAT_F32, classCount: classCount, into: columns)
  }
}

enum F16Element: LogitElement {
  typealias Numbers = FloatArithmetic
  @inline(__always) static var negativeInfinity: UInt16 { 0xfc00 }
  @inline(__always) static func widened(_ bits: UInt16) -> Double {
    Double(CKernelShims.widened(f16: SIMD16(repeating: bits))[0])
  }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes {
    CKernelShims.widened(f16: pointer.loadUnaligned(as: SIMD16<UInt16>.self))
  }
  @inline(__always)
  static func loadColumns(_ rows: UnsafeRawPointer, classCount: Int, into columns: UnsafeMutableRawPointer) {
    loadFloatColumns(rows, format: XENT_FORMAT_F16, classCount: classCount, into: columns)
  }
}

enum BF16Element: LogitElement {
  typealias Numbers = FloatArithmetic
  @inline(__always) static var negativeInfinity: UInt16 { 0xff80 }
  @inline(__always) static func widened(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes {
    CKernelShims.widened(bf16: pointer.loadUnaligned(as: SIMD16<UInt16>.self))
  }
  @inline(__always)
  static func loadColumns(_ rows: UnsafeRawPointer, classCount: Int, into columns: UnsafeMutableRawPointer) {
    loadFloatColumns(rows, format: XENT_FORMAT_BF16, classCount: classCount, into: columns)
  }
}

enum F64Element: LogitElement {
  typealias Numbers = DoubleArithmetic
  @inline(__always) static var negativeInfinity: UInt64 { 0xfff0_0000_0000_0000 }
  @inline(__always) static func widened(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> WideLanes {
    pointer.loadUnaligned(as: WideLanes.self)
  }
  @inline(__always)
  static func loadColumns(_ rows: UnsafeRawPointer, classCount: Int, into columns: UnsafeMutableRawPointer) {
    var index = 0
    while index < classCount {
      loadFourWideColumns(
        rows + index &* byteCount, stride: classCount &* byteCount,
        into: columns + index &* MemoryLayout<WideLanes>.size)
      index &+= 4
    }
  }
}
