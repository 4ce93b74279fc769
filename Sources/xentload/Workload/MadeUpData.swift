import Glibc
import XentProtocol

/// Made-up batches of one shape, from a seed.
enum MadeUpData {
  /// Bytes that a shape's batches have together: more than a cache, so that the daemon is not flattered.
  private static let poolByteCount = 96 << 20
  private static let batchCounts = 1...256

  /// How many different batches of a size are made.
  static func batchCount(requestByteCount: Int) -> Int {
    min(max(poolByteCount / requestByteCount, batchCounts.lowerBound), batchCounts.upperBound)
  }

  static func batches(_ shape: BatchShape, count: Int, flags: RequestFlags, seed: UInt64) -> [PreparedBatch] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      var header = RequestHeader()
      header.rows = UInt32(shape.rows)
      header.classes = UInt32(shape.classes)
      header.logitsType = shape.type
      header.labelKind = shape.labels
      header.labelType = shape.labelType
      header.flags = flags
      if shape.type == .f64 { header.flags.insert(.float64) }
      return PreparedBatch(header: header, logits: logits(shape, &random), labels: labels(shape, &random))
    }
  }

  /// Kept until the process ends: messages point into them.
  private static func room(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: byteCount, alignment: 64)
  }

  private static func logits(_ shape: BatchShape, _ random: inout SplitMix64) -> UnsafeRawBufferPointer {
    let bytes = room(shape.logitsByteCount)
    for index in 0..<shape.rows * shape.classes {
      let value = logit(random.next())
      switch shape.type {
      case .f32: bytes.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
      case .f64: bytes.storeBytes(of: Double(value), toByteOffset: index * 8, as: Double.self)
      case .f16: bytes.storeBytes(of: Float16(value).bitPattern, toByteOffset: index * 2, as: UInt16.self)
      case .bf16: bytes.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: index * 2, as: UInt16.self)
      }
    }
    return UnsafeRawBufferPointer(bytes)
  }

  private static func labels(_ shape: BatchShape, _ random: inout SplitMix64) -> UnsafeRawBufferPointer {
    let bytes = room(shape.labelsByteCount)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for row in 0..<shape.rows {
      let label = Int.random(in: 0..<shape.classes, using: &random)
      switch shape.labels {
      case .integer: store(Double(label), shape.labelType, bytes, at: row)
      case .oneHot: store(1, shape.labelType, bytes, at: row * shape.classes + label)
      case .probabilities: storeProbabilities(shape, bytes, row: row, label: label)
      }
    }
    return UnsafeRawBufferPointer(bytes)
  }

  /// Half of the weight on one class, the rest spread evenly.
  private static func storeProbabilities(
    _ shape: BatchShape, _ bytes: UnsafeMutableRawBufferPointer, row: Int, label: Int
  ) {
    for index in 0..<shape.classes {
      let share = 0.5 / Double(shape.classes) + (index == label ? 0.5 : 0)
      store(share, shape.labelType, bytes, at: row * shape.classes + index)
    }
  }

  private static func store(_ value: Double, _ type: LabelType, _ bytes: UnsafeMutableRawBufferPointer, at index: Int) {
    let offset = index * type.elementByteCount
    switch type {
    case .f32: bytes.storeBytes(of: Float(value), toByteOffset: offset, as: Float.self)
    case .f64: bytes.storeBytes(of: value, toByteOffset: offset, as: Double.self)
    case .f16: bytes.storeBytes(of: Float16(value).bitPattern, toByteOffset: offset, as: UInt16.self)
    case .bf16: bytes.storeBytes(of: UInt16(Float(value).bitPattern >> 16), toByteOffset: offset, as: UInt16.self)
    case .u8: bytes.storeBytes(of: UInt8(value), toByteOffset: offset, as: UInt8.self)
    case .u16: bytes.storeBytes(of: UInt16(value), toByteOffset: offset, as: UInt16.self)
    case .u32, .i32: bytes.storeBytes(of: UInt32(value), toByteOffset: offset, as: UInt32.self)
    case .i64: bytes.storeBytes(of: Int64(value), toByteOffset: offset, as: Int64.self)
    }
  }

  /// A sum of four uniform numbers, of standard deviation 3: like a logit, and quickly made.
  private static func logit(_ bits: UInt64) -> Float {
    let sum = (0..<4).reduce(0) { $0 + Int((bits >> (16 * UInt64($1))) & 0xffff) }
    return Float(sum - 2 * 0xffff) * (3 / 37837.0)
  }
}
