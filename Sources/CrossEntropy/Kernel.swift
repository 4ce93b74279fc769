import CKernelShims
import CrossEntropyKernels

/// The arithmetic over runs of rows, compiled for one kind of CPU. Chosen once, at start.
package struct Kernel: Sendable {
  /// What users call it.
  package let name: String

  /// Summarises whole rows: logits, row count, class count, room for a row's block summaries, scratch, results.
  let summarizeRows:
    @Sendable (
      UnsafeRawPointer, Int, Int, UnsafeMutablePointer<BlockSummary>, UnsafeMutableRawPointer,
      UnsafeMutablePointer<RowSummary>
    ) -> Void

  /// Summarises some blocks of a row: row, class count, blocks, results, scratch.
  let summarizeBlocks:
    @Sendable (UnsafeRawPointer, Int, Range<Int>, UnsafeMutablePointer<BlockSummary>, UnsafeMutableRawPointer) -> Void

  /// Folds all blocks of a row: summaries, row, class count.
  let foldBlocks: @Sendable (UnsafePointer<BlockSummary>, UnsafeRawPointer, Int) -> RowSummary

  /// Looks through elements of one-hot labels: elements, count, class of the first, how they look in memory.
  let scanOneHot: @Sendable (UnsafeRawPointer, Int, Int, OneHotPattern) -> OneHotScan

  /// The instructions that every CPU of this architecture has.
  package static let baseline = Kernel(
    name: "baseline", summarizeRows: CrossEntropyKernels.summarizeRows,
    summarizeBlocks: CrossEntropyKernels.summarizeBlocks, foldBlocks: CrossEntropyKernels.foldBlocks,
    scanOneHot: CrossEntropyKernels.scanOneHot)
}
