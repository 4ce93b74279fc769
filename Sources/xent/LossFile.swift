import Glibc

/// A `.npy` file of one loss a row, written when all are there.
struct LossFile {
  private var losses: [Double]
  private let isFloat64: Bool

  init(rowCount: Int, isFloat64: Bool) {
    losses = Array(repeating: .nan, count: rowCount)
    self.isFloat64 = isFloat64
  }

  mutating func set(_ values: [Double], firstRow: Int) {
    losses.replaceSubrange(firstRow..<firstRow + values.count, with: values)
  }

  func write(to path: String) throws {
    guard let stream = fopen(path, "we") else { throw failure(path) }
    let written = bytes().withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, stream) == $0.count }
    guard fclose(stream) == 0, written else { throw failure(path) }
  }

  private func failure(_ path: String) -> EvalError {
    EvalError("\(path): cannot be written: \(String(cString: strerror(errno)))")
  }

  private func bytes() -> [UInt8] {
    var header = "{'descr': '\(isFloat64 ? "<f8" : "<f4")', 'fortran_order': False, 'shape': (\(losses.count),), }"
    // Ten bytes stand before it, a line feed ends it, and the elements begin at a multiple of 64.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { bytes += $0 }
    bytes += header.utf8
    for loss in losses {
      if isFloat64 {
        withUnsafeBytes(of: loss.bitPattern.littleEndian) { bytes += $0 }
      } else {
        withUnsafeBytes(of: Float(loss).bitPattern.littleEndian) { bytes += $0 }
      }
    }
    return bytes
  }
}
