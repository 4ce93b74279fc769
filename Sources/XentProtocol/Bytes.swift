// Little-endian values in bytes that need not be aligned.

extension RawSpan {
  func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
    unsafeLoadUnaligned(fromByteOffset: offset, as: type)
  }

  func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
    Value(littleEndian: load(type, at: offset))
  }

  func float(at offset: Int) -> Float { Float(bitPattern: integer(UInt32.self, at: offset)) }

  func double(at offset: Int) -> Double { Double(bitPattern: integer(UInt64.self, at: offset)) }

  /// Whether all bytes from `range` are 0.
  func isZero(_ range: Range<Int>) -> Bool {
    range.allSatisfy { load(UInt8.self, at: $0) == 0 }
  }
}

extension UnsafeMutableRawBufferPointer {
  func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }

  func store(_ value: Float, at offset: Int) { store(value.bitPattern, at: offset) }

  func store(_ value: Double, at offset: Int) { store(value.bitPattern, at: offset) }
}
