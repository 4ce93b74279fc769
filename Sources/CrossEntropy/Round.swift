import CKernelShims
import CrossEntropyKernels

/// Batches that are computed together by all workers.
///
/// Batches are added, `compute()` runs them, and the figures of each can be read. The round keeps its memory for the
/// next, so that a steady stream of batches allocates nothing. One thread owns it.
///
/// What is touched for each batch is plain memory, and its accesses are not checked at run time: that would take as long as
/// what they do.
package final class Round {
  /// Whose threads compute, while it runs; else the caller's does it all.
  package let pool: WorkerPool
  private let workers: [Worker]
  /// What the workers share at the moment.
  @exclusivity(unchecked) private var phase = Phase.tiles
  /// Batches of this round, in the order in which they were added.
  @exclusivity(unchecked) private var entries = ReusableBuffer<Entry>()
  /// One for each tile of the round.
  @exclusivity(unchecked) private var tileFigures = ReusableBuffer<Figures>()
  @exclusivity(unchecked) private var tileEntries = ReusableBuffer<Int32>()
  /// For rows that are cut: a summary for each block, and for one-hot labels a scan for each tile.
  @exclusivity(unchecked) private var blockSummaries = ReusableBuffer<BlockSummary>()
  @exclusivity(unchecked) private var scans = ReusableBuffer<OneHotScan>()
  /// One for each row of the round that is cut.
  @exclusivity(unchecked) private var cutRowEntries = ReusableBuffer<Int32>()

  /// A batch with what was found out about it.
  private struct Entry: BitwiseCopyable {
    let batch: LossBatch
    let tiling: Tiling
    let firstTile: Int
    let firstBlock: Int
    let firstCutRow: Int
    var figures = Figures()
  }

  /// A round that is computed by at most `workerCount` threads, the caller's among them.
  package init(workerCount: Int, kernel: Kernel) {
    pool = WorkerPool(workerCount: workerCount)
    workers = (0..<workerCount).map { _ in Worker(kernel: kernel) }
  }

  package var workerCount: Int { workers.count }

  /// Bytes of logits that a round must have before it is shared among workers: to wake one takes as long as computing about
  /// so many, and a core that moves the next messages meanwhile is not taken from that.
  package static let leastSharedByteCount = 128 << 10

  /// Forgets all batches.
  package func removeAll() {
    entries.removeAll()
    tileFigures.removeAll()
    tileEntries.removeAll()
    blockSummaries.removeAll()
    scans.removeAll()
    cutRowEntries.removeAll()
    logitsByteCount = 0
    rereadByteCount = 0
  }

  @exclusivity(unchecked) private var logitsByteCount = 0
  /// Bytes of the logits of cut rows that are read a second time.
  @exclusivity(unchecked) private var rereadByteCount = 0

  /// Adds a batch, whose memory must stay as it is until `compute()` returns.
  /// - Returns: the batch's place in the round, for `figures(ofBatch:)`.
  package func add(_ batch: LossBatch) -> Int {
    let tiling = Tiling(rowCount: batch.rowCount, classCount: batch.classCount)
    let entry = Entry(
      batch: batch, tiling: tiling, firstTile: tileFigures.count, firstBlock: blockSummaries.count,
      firstCutRow: cutRowEntries.count)
    tileEntries.append(Int32(entries.count), count: tiling.tileCount)
    tileFigures.append(Figures(), count: tiling.tileCount)
    scans.append(OneHotScan(), count: tiling.tileCount)
    let byteCount = batch.rowCount * batch.rowByteCount
    logitsByteCount += byteCount
    if tiling.cutsRows {
      blockSummaries.append(BlockSummary(), count: tiling.blockCount * batch.rowCount)
      cutRowEntries.append(Int32(entries.count), count: batch.rowCount)
      if batch.readsRowsAgain { rereadByteCount += byteCount }
    }
    entries.append(entry, count: 1)
    return entries.count - 1
  }

  /// Computes all batches. Blocks until every worker is done; not to be called from a Swift task.
  package func compute() {
    run(.tiles, count: tileFigures.count, sharesWork: logitsByteCount >= Self.leastSharedByteCount)
    run(.cutRows, count: cutRowEntries.count, sharesWork: rereadByteCount >= Self.leastSharedByteCount)
    for index in 0..<entries.count { fold(&entries.pointer(to: index).pointee) }
  }

  /// The figures of the batch that `add` gave this place.
  package func figures(ofBatch index: Int) -> Figures { entries.pointer(to: index).pointee.figures }

  /// The first row of this batch that is invalid or not finite.
  package func firstBadRow(ofBatch index: Int) -> Figures.BadRow? {
    entries.pointer(to: index).pointee.figures.firstBadRow
  }

  /// The batch that `add` gave this place.
  package func batch(_ index: Int) -> LossBatch { entries.pointer(to: index).pointee.batch }

  /// How many workers take part when the round's tiles are computed.
  package var sharerCount: Int {
    sharerCount(of: tileFigures.count, sharesWork: logitsByteCount >= Self.leastSharedByteCount)
  }

  private func sharerCount(of itemCount: Int, sharesWork: Bool) -> Int {
    sharesWork ? min(workers.count, itemCount) : min(1, itemCount)
  }

  /// What the workers do, one after the other.
  private enum Phase {
    case tiles
    /// Rows whose tiles are done.
    case cutRows
  }

  private func run(_ phase: Phase, count: Int, sharesWork: Bool) {
    let sharers = sharerCount(of: count, sharesWork: sharesWork)
    guard sharers > 1 else {
      for item in 0..<count { run(phase, item, worker: workers[0]) }
      return
    }
    self.phase = phase
    pool.share(self, itemCount: count, among: sharers)
  }

  private func run(_ phase: Phase, _ item: Int, worker: Worker) {
    switch phase {
    case .tiles: compute(tile: item, worker: worker)
    case .cutRows: finish(cutRow: item, worker: worker)
    }
  }

  private func compute(tile: Int, worker: Worker) {
    let entry = entries.pointer(to: Int(tileEntries[tile]))
    switch entry.pointee.tiling[tile - entry.pointee.firstTile] {
    case .rows(let rows):
      tileFigures[tile] = worker.compute(rows: rows, of: entry.pointee.batch)
    case .blocks(let blocks, let row):
      let first = entry.pointee.firstBlock + row * entry.pointee.tiling.blockCount + blocks.lowerBound
      scans[tile] = worker.compute(
        blocks: blocks, ofRow: row, of: entry.pointee.batch, into: blockSummaries.pointer(to: first))
    }
  }

  /// Puts the tiles of a row together. Its figures become those of its first tile.
  private func finish(cutRow: Int, worker: Worker) {
    let entry = entries[Int(cutRowEntries[cutRow])]
    let row = cutRow - entry.firstCutRow
    let tiles = entry.tiling.tiles(ofRow: row)
    var scan: OneHotScan?
    if case .oneHot = entry.batch.labelLayout {
      scan = tiles.dropFirst().reduce(scans[entry.firstTile + tiles.lowerBound]) {
        merged($0, scans[entry.firstTile + $1])
      }
    }
    tileFigures[entry.firstTile + tiles.lowerBound] = worker.finish(
      row: row, of: entry.batch, blocks: blockSummaries.pointer(to: entry.firstBlock + row * entry.tiling.blockCount),
      scan: scan)
  }

  /// Puts the tiles of a batch together, in order: the same bits for any number of workers.
  private func fold(_ entry: inout Entry) {
    let tileCount = entry.tiling.tileCount
    guard tileCount > 0 else { return }
    entry.figures = tileFigures[entry.firstTile]
    for tile in 1..<tileCount { entry.figures.merge(tileFigures[entry.firstTile + tile]) }
  }
}

/// Each item is taken once, and its rows, figures, summaries and scan are its own.
extension Round: SharedWork {
  package func perform(item: Int, worker: Int) { run(phase, item, worker: workers[worker]) }
}
