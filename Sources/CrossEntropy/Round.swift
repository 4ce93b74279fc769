import CKernelShims
import CrossEntropyKernels
import Synchronization

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
  /// Batches of this round, in the order in which they were added.
  @exclusivity(unchecked) private var entries = ReusableBuffer<Entry>()
  /// One for each tile of the round.
  @exclusivity(unchecked) private var tileFigures = ReusableBuffer<Figures>()
  @exclusivity(unchecked) private var tileEntries = ReusableBuffer<Int32>()
  /// For rows that are cut: a summary for each block, and for one-hot labels a scan for each tile.
  @exclusivity(unchecked) private var blockSummaries = ReusableBuffer<BlockSummary>()
  @exclusivity(unchecked) private var scans = ReusableBuffer<OneHotScan>()
  /// For each row of the round that is cut, how many of its tiles are not done.
  @exclusivity(unchecked) private var openTileCounts = ReusableBuffer<Atomic<Int>>()

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
    openTileCounts.removeAll()
    logitsByteCount = 0
  }

  @exclusivity(unchecked) private var logitsByteCount = 0

  /// Adds a batch, whose memory must stay as it is until `compute()` returns.
  /// - Returns: the batch's place in the round, for `figures(ofBatch:)`.
  package func add(_ batch: LossBatch) -> Int {
    let tiling = Tiling(rowCount: batch.rowCount, classCount: batch.classCount)
    let entry = Entry(
      batch: batch, tiling: tiling, firstTile: tileFigures.count, firstBlock: blockSummaries.count,
      firstCutRow: openTileCounts.count)
    tileEntries.append(Int32(entries.count), count: tiling.tileCount)
    tileFigures.append(Figures(), count: tiling.tileCount)
    scans.append(OneHotScan(), count: tiling.tileCount)
    logitsByteCount += batch.rowCount * batch.rowByteCount
    if tiling.cutsRows {
      blockSummaries.append(BlockSummary(), count: tiling.blockCount * batch.rowCount)
      let counts = openTileCounts.extend(by: batch.rowCount)
      for row in 0..<batch.rowCount { (counts + row).initialize(to: Atomic(tiling.tiles(ofRow: row).count)) }
    }
    entries.append(entry, count: 1)
    return entries.count - 1
  }

  /// Computes all batches. Blocks until every worker is done; not to be called from a Swift task.
  package func compute() {
    let sharers = sharerCount
    if sharers > 1 {
      pool.share(self, itemCount: tileFigures.count, among: sharers)
    } else {
      let worker = workers[0]
      for tile in 0..<tileFigures.count { compute(tile: tile, worker: worker) }
    }
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

  /// How many workers take part when the round is computed.
  package var sharerCount: Int {
    min(logitsByteCount >= Self.leastSharedByteCount ? workers.count : 1, tileFigures.count)
  }

  private func compute(tile: Int, worker: Worker) {
    let entry = entries.pointer(to: Int(tileEntries[tile]))
    switch entry.pointee.tiling[tile - entry.pointee.firstTile] {
    case .rows(let rows):
      tileFigures[tile] = worker.compute(rows: rows, of: entry.pointee.batch)
    case .blocks(let blocks, let row):
      compute(blocks: blocks, ofRow: row, of: entry.pointee, tile: tile, worker: worker)
    }
  }

  /// Computes a part of a row. Whoever does its last tile finishes it, while most of it is in a cache.
  private func compute(blocks: Range<Int>, ofRow row: Int, of entry: Entry, tile: Int, worker: Worker) {
    let summaries = blockSummaries.pointer(to: entry.firstBlock + row * entry.tiling.blockCount)
    scans[tile] = worker.compute(
      blocks: blocks, ofRow: row, of: entry.batch, into: summaries + blocks.lowerBound)
    let openTileCount = openTileCounts.pointer(to: entry.firstCutRow + row)
    guard openTileCount.pointee.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    let tiles = entry.tiling.tiles(ofRow: row)
    // The figures of a row are those of its first tile.
    tileFigures[entry.firstTile + tiles.lowerBound] = worker.finish(
      row: row, of: entry.batch, blocks: summaries, scan: scan(of: tiles, of: entry))
  }

  /// What the parts of a one-hot label came to; nil where labels are others.
  private func scan(of tiles: Range<Int>, of entry: Entry) -> OneHotScan? {
    guard case .oneHot = entry.batch.labelLayout else { return nil }
    return tiles.dropFirst().reduce(scans[entry.firstTile + tiles.lowerBound]) {
      merged($0, scans[entry.firstTile + $1])
    }
  }

  /// Puts the tiles of a batch together, in order: the same bits for any number of workers.
  private func fold(_ entry: inout Entry) {
    let tileCount = entry.tiling.tileCount
    guard tileCount > 0 else { return }
    entry.figures = tileFigures[entry.firstTile]
    for tile in 1..<tileCount { entry.figures.merge(tileFigures[entry.firstTile + tile]) }
  }
}

/// Each item is a tile. It is taken once, and its rows, figures, summaries and scan are its own, until it counts as done: then they
/// are those of who finishes the row.
extension Round: SharedWork {
  package func perform(item: Int, worker: Int) { compute(tile: item, worker: workers[worker]) }
}
