import EvaluationData
import Glibc

/// A `.npy` file of one number a row, written when all are there.
struct RowFile {
  enum Element {
    case f32, f64, i32

    var name: String {
      switch self {
      case .f32: "<f4"
      case .f64: "<f8"
      case .i32: "<i4"
      }
    }
  }

  private let path: String
  private let element: Element
  private let shape: [Int]
  private var values: [Double]

  /// - Throws: `EvalError` where the file will not be writable: better told now than after the evaluation.
  init(_ path: String, _ element: Element, shape: [Int]) throws {
    self.path = path
    self.element = element
    self.shape = shape
    values = Array(repeating: .nan, count: shape.reduce(1, *))
    let isNew = access(path, F_OK) != 0
    let descriptor = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure }
    close(descriptor)
    if isNew { unlink(path) }
  }

  mutating func set(_ values: [Double], firstRow: Int) {
    self.values.replaceSubrange(firstRow..<firstRow + values.count, with: values)
  }

  func write() throws {
    guard let stream = fopen(path, "we") else { throw failure }
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, stream) == $0.count }
    guard fclose(stream) == 0, written else { throw failure }
  }

  private var failure: EvalError {
    EvalError("\(path): cannot be written: \(String(cString: strerror(errno)))")
  }

  private var bytes: [UInt8] {
    var header = "{'descr': '\(element.name)', 'fortran_order': False, 'shape': \(shapeText(shape)), }"
    // Ten bytes stand before it, a line feed ends it, and the elements begin at a multiple of 64.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { bytes += $0 }
    bytes += header.utf8
    for value in values {
      switch element {
      case .f32: withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { bytes += $0 }
      case .f64: withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
      case .i32: withUnsafeBytes(of: Int32(value).littleEndian) { bytes += $0 }
      }
    }
    return bytes
  }
}
