import CKernelShims
import CrossEntropyKernels
import Dispatch
import Synchronization

/// Batches that are computed together by all workers.
///
/// Batches are added, `compute()` runs them, and the figures of each can be read. The round keeps its memory for the
/// next, so that a steady stream of batches allocates nothing. One thread owns it.
package final class Round {
  private let kernel: Kernel
  private let workers: [Worker]
  /// Batches of this round, in the order in which they were added.
  private var entries: [Entry] = []
  /// One for each tile of the round.
  private var tileFigures = ReusableBuffer<Figures>()
  private var tileEntries = ReusableBuffer<Int32>()
  /// For rows that are cut: a summary for each block, and for one-hot labels a scan for each tile.
  private var blockSummaries = ReusableBuffer<BlockSummary>()
  private var scans = ReusableBuffer<OneHotScan>()
  private let nextTile = Atomic<Int>(0)

  /// A batch with what was found out about it.
  private struct Entry {
    let batch: LossBatch
    let tiling: Tiling
    let firstTile: Int
    let firstBlock: Int
    var figures = Figures()
  }

  /// A round that is computed by at most `workerCount` threads, the caller's among them.
  package init(workerCount: Int, kernel: Kernel) {
    precondition(workerCount > 0, "a round needs a worker")
    self.kernel = kernel
    workers = (0..<workerCount).map { _ in Worker(kernel: kernel) }
  }

  package var workerCount: Int { workers.count }

  /// Bytes of logits that a round must have before it is shared among workers: waking them costs about as much time as
  /// computing this many.
  private static let smallByteCount = 32 << 10

  /// Forgets all batches.
  package func removeAll() {
    entries.removeAll(keepingCapacity: true)
    tileFigures.removeAll()
    tileEntries.removeAll()
    blockSummaries.removeAll()
    scans.removeAll()
    logitsByteCount = 0
  }

  private var logitsByteCount = 0

  /// Adds a batch, whose memory must stay as it is until `compute()` returns.
  /// - Returns: the batch's place in the round, for `figures(ofBatch:)`.
  package func add(_ batch: LossBatch) -> Int {
    let tiling = Tiling(rowCount: batch.rowCount, classCount: batch.classCount)
    let entry = Entry(
      batch: batch, tiling: tiling, firstTile: tileFigures.count, firstBlock: blockSummaries.count)
    tileEntries.append(Int32(entries.count), count: tiling.tileCount)
    tileFigures.append(Figures(), count: tiling.tileCount)
    scans.append(OneHotScan(), count: tiling.tileCount)
    if tiling.cutsRows { blockSummaries.append(BlockSummary(), count: tiling.blockCount * batch.rowCount) }
    logitsByteCount += batch.rowCount * batch.rowByteCount
    entries.append(entry)
    return entries.count - 1
  }

  /// Computes all batches. Blocks until every worker is done; not to be called from a Swift task.
  package func compute() {
    let tileCount = tileFigures.count
    let sharers = logitsByteCount < Self.smallByteCount ? 1 : min(workers.count, tileCount)
    if sharers <= 1 {
      for tile in 0..<tileCount { compute(tile: tile, worker: workers[0]) }
    } else {
      share(tileCount: tileCount, among: sharers)
    }
    for index in entries.indices { fold(&entries[index]) }
  }

  /// The figures of the batch that `add` gave this place.
  package func figures(ofBatch index: Int) -> Figures { entries[index].figures }

  private func share(tileCount: Int, among sharers: Int) {
    nextTile.store(0, ordering: .relaxed)
    // SAFETY: each tile is taken once, and a tile's rows, figures, summaries and scan are its own; concurrentPerform
    // returns after the last worker.
    nonisolated(unsafe) let round = self
    DispatchQueue.concurrentPerform(iterations: sharers) { index in
      let worker = round.workers[index]
      while true {
        let tile = round.nextTile.wrappingAdd(1, ordering: .relaxed).oldValue
        guard tile < tileCount else { return }
        round.compute(tile: tile, worker: worker)
      }
    }
  }

  private func compute(tile: Int, worker: Worker) {
    let entry = entries[Int(tileEntries[tile])]
    switch entry.tiling[tile - entry.firstTile] {
    case .rows(let rows):
      tileFigures[tile] = worker.compute(rows: rows, of: entry.batch)
    case .blocks(let blocks, let row):
      let first = entry.firstBlock + row * entry.tiling.blockCount + blocks.lowerBound
      scans[tile] = worker.compute(
        blocks: blocks, ofRow: row, of: entry.batch, into: blockSummaries.pointer(to: first))
    }
  }

  /// Puts the tiles of a batch together, in order: the same bits for any number of workers.
  private func fold(_ entry: inout Entry) {
    let tiling = entry.tiling
    guard tiling.cutsRows else {
      for tile in 0..<tiling.tileCount { entry.figures.merge(tileFigures[entry.firstTile + tile]) }
      return
    }
    let finisher = RowFinisher(entry.batch, kernel: kernel)
    for row in 0..<tiling.rowCount {
      let blocks = blockSummaries.pointer(to: entry.firstBlock + row * tiling.blockCount)
      let summary = kernel.foldBlocks(
        blocks, entry.batch.row(row), entry.batch.logitType.format, entry.batch.classCount)
      guard case .oneHot = entry.batch.labelLayout else {
        finisher.finish(row: row, summary: summary, figures: &entry.figures)
        continue
      }
      let tiles = tiling.tiles(ofRow: row)
      var scan = scans[entry.firstTile + tiles.lowerBound]
      for tile in tiles.dropFirst() { scan = merged(scan, scans[entry.firstTile + tile]) }
      finisher.finish(row: row, summary: summary, scan: scan, figures: &entry.figures)
    }
  }
}
