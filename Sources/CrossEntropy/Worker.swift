import CKernelShims
import CrossEntropyKernels

/// Computes tiles. Used by one thread at a time.
final class Worker {
  /// Rows that are summarised before they are finished: so many that what a run costs is little, so few that their summaries
  /// stay in the second cache, as the logits of a tile do, which some losses take a second look at.
  private static let mostRowsPerRun = 1024

  /// Bytes of memory that a worker has of its own.
  static var byteCount: Int { Workbench.byteCount(rowCapacity: mostRowsPerRun) }

  private let bench: Workbench

  init(kernel: Kernel) { bench = Workbench(kernel: kernel, rowCapacity: Self.mostRowsPerRun) }

  /// Computes whole rows and writes their answers.
  func compute(rows: Range<Int>, of batch: LossBatch) -> Figures {
    var figures = Figures()
    let finisher = RowFinisher(batch, on: bench)
    var first = rows.lowerBound
    while first < rows.upperBound {
      let count = min(Self.mostRowsPerRun, rows.upperBound - first)
      finisher.compute(rows: first..<first + count, figures: &figures)
      first += count
    }
    return figures
  }

  /// Computes some blocks of one row, and looks at its one-hot labels there.
  func compute(
    blocks: Range<Int>, ofRow row: Int, of batch: LossBatch, into summaries: UnsafeMutablePointer<BlockSummary>
  ) -> OneHotScan {
    guard batch.needsLogits(ofRow: row) else { return OneHotScan() }
    bench.kernel.summarizeBlocks(
      batch.row(row), batch.logitType.format, batch.classCount, batch.options.transform, blocks, summaries,
      bench.scratch)
    guard case .oneHot(let type) = batch.labelLayout else { return OneHotScan() }
    let pattern = type.pattern
    let first = blocks.lowerBound * blockLength
    let end = min(blocks.upperBound * blockLength, batch.classCount)
    let elements = batch.labels + (row * batch.classCount + first) * type.elementByteCount
    return bench.kernel.scanOneHot(elements, end - first, first, pattern)
  }

  /// Folds the blocks of a row and writes its answers.
  ///
  /// - Parameter scan: what all parts of its one-hot label came to.
  func finish(row: Int, of batch: LossBatch, blocks: UnsafePointer<BlockSummary>, scan: OneHotScan?) -> Figures {
    var figures = Figures()
    let summary =
      batch.needsLogits(ofRow: row)
      ? bench.kernel.foldBlocks(blocks, batch.row(row), batch.logitType.format, batch.classCount) : RowSummary()
    let finisher = RowFinisher(batch, on: bench)
    finisher.finish(row: row, summary: summary, scan: scan, figures: &figures)
    return figures
  }
}
