import CrossEntropyKernels

/// A piece of work for one worker: some rows of a batch, or some blocks of one row.
enum Tile {
  case rows(Range<Int>)
  case blocks(Range<Int>, row: Int)
}

/// How a batch is cut into tiles of about 65,536 logits, 256 KiB of f32. It depends on the shape alone, never on the number of
/// workers, because the figures are added tile by tile.
struct Tiling {
  /// Fits the second cache with room to spare, and is large against the cost of taking a tile.
  static let tileLength = 64 << 10
  /// Blocks in a tile that is a part of a row.
  static let blocksPerTile = tileLength / blockLength
  /// Summaries that a worker needs room for to compute a whole row.
  static let largestBlockCountOfWholeRow = blocksPerTile

  let rowCount: Int
  /// Blocks in a row.
  let blockCount: Int
  /// Whether a row is more than one tile.
  let cutsRows: Bool
  private let rowsPerTile: Int
  private let tilesPerRow: Int

  init(rowCount: Int, classCount: Int) {
    self.rowCount = rowCount
    blockCount = CrossEntropyKernels.blockCount(classCount: classCount)
    cutsRows = blockCount > Self.blocksPerTile
    rowsPerTile = max(1, Self.tileLength / classCount)
    tilesPerRow = (blockCount + Self.blocksPerTile - 1) / Self.blocksPerTile
  }

  var tileCount: Int {
    cutsRows ? rowCount * tilesPerRow : (rowCount + rowsPerTile - 1) / rowsPerTile
  }

  subscript(index: Int) -> Tile {
    guard cutsRows else {
      let first = index * rowsPerTile
      return .rows(first..<min(first + rowsPerTile, rowCount))
    }
    let first = index % tilesPerRow * Self.blocksPerTile
    return .blocks(first..<min(first + Self.blocksPerTile, blockCount), row: index / tilesPerRow)
  }

  /// The tiles that are parts of a row.
  func tiles(ofRow row: Int) -> Range<Int> { row * tilesPerRow..<(row + 1) * tilesPerRow }
}
