import CKernelShims
import CrossEntropyKernels

/// What one thread computes with: the arithmetic, and memory that is used again for each tile.
final class Workbench {
  let kernel: Kernel
  /// Room for the block summaries of a row that is computed whole.
  let blocks = UnsafeMutablePointer<BlockSummary>.allocate(capacity: Tiling.largestBlockCountOfWholeRow)
  let buffers: RowBuffers
  /// `kernelScratchByteCount` bytes.
  let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernelScratchByteCount, alignment: vectorAlignment)

  init(kernel: Kernel, rowCapacity: Int) {
    self.kernel = kernel
    buffers = RowBuffers(capacity: rowCapacity)
  }

  static func byteCount(rowCapacity: Int) -> Int {
    Tiling.largestBlockCountOfWholeRow * MemoryLayout<BlockSummary>.stride + RowBuffers.byteCount(capacity: rowCapacity)
      + kernelScratchByteCount
  }

  deinit {
    blocks.deallocate()
    buffers.deallocate()
    scratch.deallocate()
  }
}
