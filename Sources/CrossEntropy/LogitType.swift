import CKernelShims

/// The types that logits may have. f16 and bf16 are widened, exactly, and computed as f32.
package enum LogitType: Sendable, CaseIterable, BitwiseCopyable {
  case f32, f16, bf16, f64

  package var byteCount: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .f64: 8
    }
  }

  var format: LogitFormat {
    switch self {
    case .f32: XENT_FORMAT_F32
    case .f16: XENT_FORMAT_F16
    case .bf16: XENT_FORMAT_BF16
    case .f64: XENT_FORMAT_F64
    }
  }

  /// The logit of this index, widened; the row need not be aligned.
  func logit(_ index: Int, of row: UnsafeRawPointer) -> Double {
    switch self {
    case .f32: Double(row.loadUnaligned(fromByteOffset: index * 4, as: Float.self))
    case .f16: Double(widened(f16: SIMD16(repeating: half(index, of: row)))[0])
    case .bf16: Double(Float(bitPattern: UInt32(half(index, of: row)) << 16))
    case .f64: row.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
    }
  }

  private func half(_ index: Int, of row: UnsafeRawPointer) -> UInt16 {
    row.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
  }
}
