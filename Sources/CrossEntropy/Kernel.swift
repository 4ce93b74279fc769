import CKernelShims

/// The arithmetic over runs of rows, compiled for one kind of CPU. Chosen once, at start.
package struct Kernel: Sendable {
  /// What users call it.
  package let name: String
  /// The instructions that it is compiled for.
  package let instructions: String

  /// Summarises whole rows: logits, their type, row count, class count, room for a row's block summaries, scratch, results.
  let summarizeRows:
    @Sendable (
      UnsafeRawPointer, LogitFormat, Int, Int, UnsafeMutablePointer<BlockSummary>, UnsafeMutableRawPointer,
      UnsafeMutablePointer<RowSummary>
    ) -> Void

  /// Summarises some blocks of a row: row, type of its logits, class count, blocks, results, scratch.
  let summarizeBlocks:
    @Sendable (
      UnsafeRawPointer, LogitFormat, Int, Range<Int>, UnsafeMutablePointer<BlockSummary>, UnsafeMutableRawPointer
    ) -> Void

  /// Folds all blocks of a row: summaries, row, type of its logits, class count.
  let foldBlocks: @Sendable (UnsafePointer<BlockSummary>, UnsafeRawPointer, LogitFormat, Int) -> RowSummary

  /// Looks through elements of one-hot labels: elements, count, class of the first, how they look in memory.
  let scanOneHot: @Sendable (UnsafeRawPointer, Int, Int, OneHotPattern) -> OneHotScan

  /// Whether this machine can run it.
  package let isSupported: Bool
}
