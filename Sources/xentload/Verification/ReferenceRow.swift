import XentProtocol

/// One row, widened, and its loss by the definition.
struct ReferenceRow<Real: ReferenceReal> {
  private enum Label {
    case index(Int)
    case shares
    case invalid
  }

  /// How far a row of probabilities may sum from 1.
  private static var tolerance: Real { 1e-3 }

  private var logits: [Real]
  private var shares: [Real]
  private var label = Label.invalid

  init(classes: Int) {
    logits = Array(repeating: 0, count: classes)
    shares = logits
  }

  mutating func read(_ batch: PreparedBatch, _ row: Int) {
    let type = ElementType(batch.header.logitsType)
    type.read(batch.logits, from: row * logits.count, into: &logits)
    switch batch.header.labelKind {
    case .integer:
      let index = integer(batch.labels, batch.header.labelType, at: row)
      label = logits.indices.contains(index) ? .index(index) : .invalid
    case .oneHot:
      ElementType(batch.header.labelType).read(batch.labels, from: row * logits.count, into: &shares)
      let isOneHot = shares.allSatisfy { $0 == 0 || $0 == 1 } && shares.count { $0 == 1 } == 1
      label = isOneHot ? .index(shares.firstIndex(of: 1) ?? 0) : .invalid
    case .probabilities:
      ElementType(batch.header.labelType).read(batch.labels, from: row * logits.count, into: &shares)
      let isGood = shares.allSatisfy { $0 >= 0 && $0.isFinite } && abs(shares.reduce(0, +) - 1) <= Self.tolerance
      label = isGood ? .shares : .invalid
    }
  }

  private func integer(_ bytes: UnsafeRawBufferPointer, _ type: LabelType, at index: Int) -> Int {
    switch type {
    case .u8: Int(bytes.loadUnaligned(fromByteOffset: index, as: UInt8.self))
    case .u16: Int(bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
    case .u32: Int(bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
    case .i32: Int(bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
    default: Int(bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
    }
  }

  /// In nats; nil where the label is invalid.
  var loss: Real? {
    if case .invalid = label { return nil }
    guard let maximum = logits.max(), !logits.contains(where: \.isNaN), maximum.isFinite else { return .nan }
    let peak = logits.firstIndex(of: maximum) ?? 0
    // Without the element at the maximum, which is 1: so that what is left of a confident row is not rounded away.
    var rest = Real.zero
    for (index, logit) in logits.enumerated() where index != peak { rest += Real.exponential(logit - maximum) }
    let logSum = Real.logarithm1p(rest)
    switch label {
    case .index(let index): return (maximum - logits[index]) + logSum
    case .shares:
      return zip(shares, logits).reduce(Real.zero) { sum, pair in
        pair.0 == 0 ? sum : sum + pair.0 * ((maximum - pair.1) + logSum)
      }
    case .invalid: return nil
    }
  }

  /// Whether the largest logit is the label's: the first of a tie.
  var isCorrect: Bool {
    guard let maximum = logits.max(), !logits.contains(where: \.isNaN) else { return false }
    let prediction = logits.firstIndex(of: maximum)
    switch label {
    case .index(let index): return prediction == index
    case .shares: return prediction == shares.max().flatMap { shares.firstIndex(of: $0) }
    case .invalid: return false
    }
  }
}

/// The type of floating-point elements in a request, or u8.
private enum ElementType {
  case f16, bf16, f32, f64, u8

  init(_ type: LogitsType) {
    switch type {
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .f32: self = .f32
    case .f64: self = .f64
    }
  }

  init(_ type: LabelType) {
    switch type {
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .f32: self = .f32
    case .f64: self = .f64
    default: self = .u8
    }
  }

  /// Widens as many elements as there is room for.
  func read<Real: ReferenceReal>(_ bytes: UnsafeRawBufferPointer, from first: Int, into elements: inout [Real]) {
    for index in elements.indices {
      let place = first + index
      elements[index] =
        switch self {
        case .f16: Real(Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self))))
        case .bf16:
          Real(Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self)) << 16))
        case .f32: Real(bytes.loadUnaligned(fromByteOffset: place * 4, as: Float.self))
        case .f64: Real(bytes.loadUnaligned(fromByteOffset: place * 8, as: Double.self))
        case .u8: Real(bytes.loadUnaligned(fromByteOffset: place, as: UInt8.self))
        }
    }
  }
}
