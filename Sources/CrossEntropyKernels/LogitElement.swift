import CKernelShims

/// A type that logits can have in memory. They are widened in registers: no widened copy exists.
protocol LogitElement {
  associatedtype Bits: FixedWidthInteger & BitwiseCopyable
  /// The bits of -infinity, which adds nothing to a sum.
  static var negativeInfinity: Bits { get }
  static func widened(_ bits: Bits) -> Float
  /// The sixteen elements at `pointer`, which need not be aligned.
  static func load(_ pointer: UnsafeRawPointer) -> Lanes
  /// The sixteen elements at `first` and at each `stride` bytes behind it.
  static func loadColumn(_ first: UnsafeRawPointer, stride: Int) -> Lanes
}

extension LogitElement {
  @inline(__always) static var byteCount: Int { MemoryLayout<Bits>.size }
  @inline(__always) static var vectorByteCount: Int { Geometry.laneCount &* byteCount }

  /// The element of this index.
  @inline(__always)
  static func element(_ index: Int, of row: UnsafeRawPointer) -> Float {
    widened(row.loadUnaligned(fromByteOffset: index &* byteCount, as: Bits.self))
  }
}

enum F32Element: LogitElement {
  @inline(__always) static var negativeInfinity: UInt32 { 0xff80_0000 }
  @inline(__always) static func widened(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes { pointer.loadUnaligned(as: Lanes.self) }
  @inline(__always) static func loadColumn(_ first: UnsafeRawPointer, stride: Int) -> Lanes {
    CKernelShims.loadColumn(first, stride: stride)
  }
}

enum F16Element: LogitElement {
  @inline(__always) static var negativeInfinity: UInt16 { 0xfc00 }
  @inline(__always) static func widened(_ bits: UInt16) -> Float {
    CKernelShims.widened(f16: SIMD16(repeating: bits))[0]
  }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes {
    CKernelShims.widened(f16: pointer.loadUnaligned(as: SIMD16<UInt16>.self))
  }
  @inline(__always) static func loadColumn(_ first: UnsafeRawPointer, stride: Int) -> Lanes {
    CKernelShims.widened(f16: loadShortColumn(first, stride: stride))
  }
}

enum BF16Element: LogitElement {
  @inline(__always) static var negativeInfinity: UInt16 { 0xff80 }
  @inline(__always) static func widened(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
  @inline(__always) static func load(_ pointer: UnsafeRawPointer) -> Lanes {
    CKernelShims.widened(bf16: pointer.loadUnaligned(as: SIMD16<UInt16>.self))
  }
  @inline(__always) static func loadColumn(_ first: UnsafeRawPointer, stride: Int) -> Lanes {
    CKernelShims.widened(bf16: loadShortColumn(first, stride: stride))
  }
}
