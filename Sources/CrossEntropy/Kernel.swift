import CKernelShims

/// The arithmetic over runs of rows, compiled for one kind of CPU. Chosen once, at start.
package struct Kernel: Sendable {
  /// What users call it.
  package let name: String
  /// The instructions that it is compiled for.
  package let instructions: String

  /// Whether products are added without being rounded first: all kernels that do so give the same bits.
  let fusesMultiplyAdds: Bool

  /// Summarises whole rows: logits, their type, row count, class count, transform, classes where the labels' logits are asked
  /// for, whether rows without one may be left out, room for a row's block summaries, scratch, results.
  let summarizeRows:
    @Sendable (
      UnsafeRawPointer, LogitFormat, Int, Int, LogitTransform, UnsafePointer<Int32>?, Bool,
      UnsafeMutablePointer<BlockSummary>, UnsafeMutableRawPointer, RowSummaries
    ) -> Void

  /// Summarises some blocks of a row: row, type of its logits, class count, transform, blocks, results, scratch.
  let summarizeBlocks:
    @Sendable (
      UnsafeRawPointer, LogitFormat, Int, LogitTransform, Range<Int>, UnsafeMutablePointer<BlockSummary>,
      UnsafeMutableRawPointer
    ) -> Void

  /// Folds all blocks of a row: summaries, row, type of its logits, class count.
  let foldBlocks: @Sendable (UnsafePointer<BlockSummary>, UnsafeRawPointer, LogitFormat, Int) -> RowSummary

  /// Reads integer labels: labels, their type, row count, class count, the label of rows to ignore, results.
  let readClasses:
    @Sendable (UnsafeRawPointer, IntegerLabelFormat, Int, Int, Int64?, UnsafeMutablePointer<Int32>) -> Void

  /// Finishes the ordinary ones of consecutive rows: row count, classes, summaries, sums over classes, what rows weigh,
  /// largest loss, losses and whether they are f64, which rows are ordinary.
  let finishOrdinaryRows:
    @Sendable (
      Int, UnsafePointer<Int32>, RowSummaries, RowClassSums?, RowWeighting, Double, UnsafeMutableRawPointer?, Bool,
      UnsafeMutablePointer<UInt16>
    ) -> OrdinarySums

  /// Looks through elements of one-hot labels: elements, count, class of the first, how they look in memory.
  let scanOneHot: @Sendable (UnsafeRawPointer, Int, Int, OneHotPattern) -> OneHotScan

  /// Finds the classes of rows of one-hot labels of few classes: elements, row count, class count, how they look in
  /// memory, results.
  let findOneHotClasses: @Sendable (UnsafeRawPointer, Int, Int, OneHotPattern, UnsafeMutablePointer<Int32>) -> Void

  /// Sums over all classes: row, type of its logits, class count, transform, maximum, shares of the classes, scratch.
  let sumClasses:
    @Sendable (UnsafeRawPointer, LogitFormat, Int, LogitTransform, Double, ClassShares, UnsafeMutableRawPointer)
      -> ClassSums

  /// Sums over all classes of consecutive rows: logits, their type, row count, class count, transform, maxima, shares of the
  /// classes, how far probabilities may sum from 1, scratch, results, classes of the largest probabilities.
  let sumClassesOfRows:
    @Sendable (
      UnsafeRawPointer, LogitFormat, Int, Int, LogitTransform, UnsafePointer<Double>, ClassShares, Double,
      UnsafeMutableRawPointer, RowClassSums, UnsafeMutablePointer<Int32>
    ) -> Void

  /// Whether fewer logits are greater: than how many, than which value, row, type of its logits, class count.
  let hasFewerGreater: @Sendable (Int, Double, UnsafeRawPointer, LogitFormat, Int) -> Bool

  /// Counts the rows of few classes with fewer greater logits than so many: that number, logits, their type, row count, class
  /// count, classes, which rows count, scratch.
  let countNarrowRows:
    @Sendable (
      Int, UnsafeRawPointer, LogitFormat, Int, Int, UnsafePointer<Int32>, UnsafePointer<UInt16>,
      UnsafeMutableRawPointer
    ) -> Int

  /// Transforms one logit as those of a row are: logit, type, transform.
  let transformed: @Sendable (Double, LogitFormat, LogitTransform) -> Double

  /// Whether this machine can run it.
  package let isSupported: Bool
}
