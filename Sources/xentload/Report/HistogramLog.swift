import CZlib
import Histogram

extension LatencyHistogram {
  /// HdrHistogram's percentile distribution (`.hgrm`), in milliseconds.
  var percentileDistribution: String {
    var text = ""
    outputPercentileDistribution(to: &text, outputValueUnitScalingRatio: 1e6)
    return text
  }
}

/// HdrHistogram's interval log with histograms of encoding V2, which its tools read: the Swift library has none.
///
/// - Source: HdrHistogram 2.2, `AbstractHistogram.encodeIntoByteBuffer` and `HistogramLogWriter`.
struct HistogramLog {
  private let windows: [Interval]

  init(_ windows: [Interval]) { self.windows = windows }

  var text: String {
    guard let start = windows.first?.start else { return "" }
    let wallStart = Clock.wall() - (Clock.now() - start)
    var lines = [
      "#[Histogram log format version 1.3]",
      "#[StartTime: \(seconds(wallStart)) (seconds since epoch)]",
      "#[BaseTime: 0.000 (seconds since epoch)]",
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
    ]
    for window in windows {
      let histogram = window.latencies.corrected.histogram
      let maximum = Units.fixed(Double(histogram.maxRecorded) / 1e6, places: 3)
      lines.append(
        "\(seconds(wallStart + window.start - start)),\(seconds(window.end - window.start)),\(maximum),"
          + Base64.encoded(histogram.compressed))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func seconds(_ nanoseconds: UInt64) -> String { Units.fixed(Double(nanoseconds: nanoseconds), places: 3) }
}

extension LatencyHistogram {
  private static var cookie: UInt32 { 0x1c84_9313 }
  private static var compressedCookie: UInt32 { 0x1c84_9314 }

  /// Encoding V2, compressed.
  var compressed: [UInt8] {
    let plain = encoded
    var room = [UInt8](repeating: 0, count: Int(compressBound(UInt(plain.count))))
    var size = UInt(room.count)
    let result = compress2(&room, &size, plain, UInt(plain.count), Z_BEST_COMPRESSION)
    precondition(result == Z_OK, "zlib has room for all that it may need, so it fails only without memory")
    return Self.bigEndian(Self.compressedCookie) + Self.bigEndian(UInt32(size)) + room[..<Int(size)]
  }

  /// Encoding V2.
  var encoded: [UInt8] {
    let counts = encodedCounts
    return Self.bigEndian(Self.cookie) + Self.bigEndian(UInt32(counts.count))
      + Self.bigEndian(UInt32(0))  // no offset of the index
      + Self.bigEndian(UInt32(numberOfSignificantValueDigits.rawValue)) + Self.bigEndian(lowestDiscernibleValue)
      + Self.bigEndian(highestTrackableValue) + Self.bigEndian((1.0).bitPattern) + counts
  }

  /// The counts up to the last that is not 0; a run of zeros is its length, negative.
  private var encodedCounts: [UInt8] {
    var bytes: [UInt8] = []
    var zeroCount: Int64 = 0
    var left = totalCount
    var values = allValues()
    while left > 0, let value = values.next() {
      if value.count == 0 {
        zeroCount += 1
        continue
      }
      if zeroCount > 0 { Self.append(zeroCount == 1 ? 0 : -zeroCount, to: &bytes) }
      zeroCount = 0
      Self.append(Int64(value.count), to: &bytes)
      left -= value.count
    }
    return bytes
  }

  /// Appends a number as ZigZag LEB128 of at most nine bytes, the ninth of which has all its eight bits.
  static func append(_ number: Int64, to bytes: inout [UInt8]) {
    var value = UInt64(bitPattern: (number << 1) ^ (number >> 63))
    for _ in 0..<8 {
      if value < 0x80 { return bytes.append(UInt8(value)) }
      bytes.append(UInt8(value & 0x7f) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

/// Base 64, as MIME has it.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encoded(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
      for place in 0..<4 {
        let isPadding = start + place > bytes.count
        text.append(isPadding ? UInt8(ascii: "=") : alphabet[group >> (18 - 6 * place) & 63])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
