import CKernelShims

/// The integers that may stand for classes.
package enum IntegerLabelType: Sendable, BitwiseCopyable {
  case u8, u16, u32, i32, i64

  package var byteCount: Int {
    switch self {
    case .u8: 1
    case .u16: 2
    case .u32, .i32: 4
    case .i64: 8
    }
  }
}

extension IntegerLabelType {
  var format: IntegerLabelFormat {
    switch self {
    case .u8: XENT_LABEL_U8
    case .u16: XENT_LABEL_U16
    case .u32: XENT_LABEL_U32
    case .i32: XENT_LABEL_I32
    case .i64: XENT_LABEL_I64
    }
  }
}

/// The elements that one-hot labels may have.
package enum OneHotLabelType: Sendable, BitwiseCopyable {
  case u8, f16, bf16, f32, f64

  var pattern: OneHotPattern {
    switch self {
    case .u8: OneHotPattern(elementByteCount: 1, one: 1, magnitudeMask: 0xff)
    case .f16: OneHotPattern(elementByteCount: 2, one: 0x3c00, magnitudeMask: 0x7fff)
    case .bf16: OneHotPattern(elementByteCount: 2, one: 0x3f80, magnitudeMask: 0x7fff)
    case .f32: OneHotPattern(elementByteCount: 4, one: 0x3f80_0000, magnitudeMask: 0x7fff_ffff)
    case .f64:
      OneHotPattern(
        elementByteCount: 8, one: 0x3ff0_0000_0000_0000, magnitudeMask: 0x7fff_ffff_ffff_ffff)
    }
  }

  var elementByteCount: Int { Int(pattern.elementByteCount) }
}

/// How the labels of a batch stand in memory.
package enum LabelLayout: Sendable, BitwiseCopyable {
  /// One class index a row.
  case integers(IntegerLabelType)
  /// As many elements a row as there are classes, of which one is 1 and the others are 0.
  case oneHot(OneHotLabelType)
  /// As many elements a row as there are classes, which add up to 1.
  case probabilities(LogitType)
}

/// The label of one row.
enum RowLabel {
  case `class`(Int)
  /// Probabilities, already summed with the row's logits.
  case distribution(ClassSums)
  case ignored
  case invalid(RowVerdict)
}

/// An integer label at `pointer`, which need not be aligned. A u64 is not among the types, so every value fits.
func integerLabel(at pointer: UnsafeRawPointer, type: IntegerLabelType) -> Int64 {
  switch type {
  case .u8: Int64(pointer.load(as: UInt8.self))
  case .u16: Int64(pointer.loadUnaligned(as: UInt16.self))
  case .u32: Int64(pointer.loadUnaligned(as: UInt32.self))
  case .i32: Int64(pointer.loadUnaligned(as: Int32.self))
  case .i64: pointer.loadUnaligned(as: Int64.self)
  }
}
