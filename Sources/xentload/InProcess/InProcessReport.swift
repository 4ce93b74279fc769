/// What `xentload inprocess` prints: times are sorted.
struct InProcessReport {
  let rowCount: Int
  let classCount: Int
  let type: String
  /// Of the logits.
  let byteCount: Int
  /// Of all that a pass reads: logits and labels.
  let readByteCount: Int
  let labels: String
  let labelType: String
  let kernel: String
  let threadCount: Int
  let computeSeconds: [Double]
  let streamSeconds: [Double]

  private var elementCount: Double { Double(rowCount * classCount) }
  private var best: Double { computeSeconds[0] }
  private var median: Double { computeSeconds[computeSeconds.count / 2] }
  private var streamMedian: Double { streamSeconds[streamSeconds.count / 2] }
  private var rowsPerSecond: Double { Double(rowCount) / median }
  private var gigabytesPerSecond: Double { Double(byteCount) / median / 1e9 }
  private var streamGigabytesPerSecond: Double { Double(readByteCount) / streamMedian / 1e9 }
  private var streamRatio: Double { streamMedian / median }

  /// For people.
  var text: String {
    """
    \(rowCount) x \(classCount) \(type), \(labels) labels (\(labelType)), kernel \(kernel), \(threadCount) threads
    best        \(rounded(best / elementCount * 1e9)) ns an element, \(rounded(best / Double(rowCount) * 1e9)) ns a row
    median      \(rounded(median / elementCount * 1e9)) ns an element, \(rounded(median / Double(rowCount) * 1e9)) ns a row
    throughput  \(rounded(rowsPerSecond / 1e6)) million rows/s, \(rounded(gigabytesPerSecond)) GB/s of logits
    memory      \(rounded(streamGigabytesPerSecond)) GB/s by a plain sum over the same logits and labels; \
    it takes \(rounded(streamRatio)) of the median
    """
  }

  /// For programs.
  var json: String {
    """
    {"best_ns_per_element": \(best / elementCount * 1e9), "median_ns_per_element": \(median / elementCount * 1e9), \
    "rows_per_second": \(rowsPerSecond), "gigabytes_per_second": \(gigabytesPerSecond), \
    "stream_gigabytes_per_second": \(streamGigabytesPerSecond), \
    "stream_ratio": \(streamRatio), "kernel": "\(kernel)", \
    "threads": \(threadCount), "rows": \(rowCount), "classes": \(classCount), "type": "\(type)", "labels": "\(labels)", \
    "label_type": "\(labelType)"}
    """
  }

  private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
