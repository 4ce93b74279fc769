import CKernelShims

/// The types that logits may have. All are widened, exactly, and computed alike.
package enum LogitType: Sendable, CaseIterable {
  case f32, f16, bf16

  package var byteCount: Int { self == .f32 ? 4 : 2 }

  var format: LogitFormat {
    switch self {
    case .f32: XENT_FORMAT_F32
    case .f16: XENT_FORMAT_F16
    case .bf16: XENT_FORMAT_BF16
    }
  }

  /// The logit of this index, widened; the row need not be aligned.
  func logit(_ index: Int, of row: UnsafeRawPointer) -> Float {
    switch self {
    case .f32: row.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
    case .f16: widened(f16: SIMD16(repeating: row.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))[0]
    case .bf16: Float(bitPattern: UInt32(row.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)) << 16)
    }
  }
}
