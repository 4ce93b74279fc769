/// An array of a `.npy` file, in place: C order, little-endian.
///
/// - Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
package struct NumpyArray {
  package let path: String
  /// As NumPy writes it, without the byte order: `f4`, `i8`, `u1`, `b1`; `V2` of `ml_dtypes.bfloat16`, which NumPy knows by its
  /// size alone.
  package let type: String
  package let shape: [Int]
  /// The elements.
  package let bytes: UnsafeRawBufferPointer

  package var elementByteCount: Int { Int(type.dropFirst()) ?? 0 }

  package init(_ path: String) throws {
    let file = try MappedFile(path).bytes
    guard file.count >= 10, file.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw DataFileError("\(path): is not a .npy file; write it with numpy.save")
    }
    guard (1...3).contains(file[6]) else {
      throw DataFileError("\(path): is of version \(file[6]) of the .npy format; expected 1, 2 or 3")
    }
    let isFirstVersion = file[6] == 1
    guard isFirstVersion || file.count >= 12 else { throw DataFileError("\(path): is cut short in its header") }
    let length =
      isFirstVersion
      ? Int(UInt16(littleEndian: file.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
      : Int(UInt32(littleEndian: file.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    let start = isFirstVersion ? 10 : 12
    guard start + length <= file.count else { throw DataFileError("\(path): is cut short in its header") }
    let header = NumpyHeader(String(decoding: file[start..<start + length], as: UTF8.self))
    try self.init(path, header, UnsafeRawBufferPointer(rebasing: file[(start + length)...]))
  }

  private init(_ path: String, _ header: NumpyHeader, _ elements: UnsafeRawBufferPointer) throws {
    guard let description = header.text("descr"), let shape = header.shape else {
      throw DataFileError("\(path): its header has no descr or shape; a structured array? Save a plain one")
    }
    guard !header.isFortranOrder || shape.count < 2 else {
      throw DataFileError("\(path): is in Fortran order; save numpy.ascontiguousarray(a) instead")
    }
    guard !description.hasPrefix(">") else {
      throw DataFileError("\(path): is big-endian (\(description)); save a.astype(a.dtype.newbyteorder('<')) instead")
    }
    self.path = path
    self.shape = shape
    type = String(description.drop { "<|=".contains($0) })
    let (count, overflow) = shape.reduce((1, false)) { product, extent in
      let next = product.0.multipliedReportingOverflow(by: extent)
      return (next.partialValue, product.1 || next.overflow)
    }
    let (expected, overflows) = count.multipliedReportingOverflow(by: Int(type.dropFirst()) ?? 0)
    guard !overflow, !overflows else {
      throw DataFileError("\(path): no file holds an array of shape \(shapeText(shape)); its header is damaged")
    }
    guard expected <= elements.count else {
      throw DataFileError(
        "\(path): is cut short: expected \(expected) bytes of \(shapeText(shape)) \(type), received \(elements.count)")
    }
    bytes = UnsafeRawBufferPointer(rebasing: elements[..<expected])
  }

  /// The bytes of rows `range`, of `width` elements each.
  package func rows(_ range: Range<Int>, width: Int) -> UnsafeRawBufferPointer {
    let rowByteCount = width * elementByteCount
    return UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * rowByteCount..<range.upperBound * rowByteCount])
  }
}

/// A shape as Python writes it: `(50, 7)`, `(50,)`.
package func shapeText(_ shape: [Int]) -> String {
  "(" + shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? ",)" : ")")
}

/// The header of a `.npy` file: the text of a Python dictionary with three known keys.
private struct NumpyHeader {
  private let text: String

  init(_ text: String) { self.text = text }

  /// A value in quotation marks.
  func text(_ key: String) -> String? {
    guard let rest = value(key)?.drop(while: { $0 == " " }), let quote = rest.first, "'\"".contains(quote) else {
      return nil
    }
    return rest.dropFirst().split(separator: quote, omittingEmptySubsequences: false).first.map(String.init)
  }

  var isFortranOrder: Bool { value("fortran_order")?.drop { $0 == " " }.hasPrefix("True") ?? false }

  var shape: [Int]? {
    guard let rest = value("shape"), let open = rest.firstIndex(of: "("), let close = rest.firstIndex(of: ")"),
      open < close
    else { return nil }
    let parts = rest[rest.index(after: open)..<close].split(separator: ",").map { $0.filter { $0 != " " } }
    let extents = parts.filter { !$0.isEmpty }.map { Int($0) }
    return extents.contains { ($0 ?? -1) < 0 } ? nil : extents.compactMap { $0 }
  }

  /// What follows a key and its colon.
  private func value(_ key: String) -> Substring? {
    for quote in ["'", "\""] {
      guard let range = text.firstRange(of: "\(quote)\(key)\(quote):") else { continue }
      return text[range.upperBound...]
    }
    return nil
  }
}
