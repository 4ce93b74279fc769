import FoundationEssentials
import Glibc
import XentClient

/// What `xent eval` prints.
struct EvalReport {
  let evaluation: Evaluation
  let rowShape: [Int]
  let daemon: DaemonInfo
  let endpoint: String
  let batchCount: Int
  let delivery: DeliveryCounts
  let seconds: Double
  let byteCount: Int
  let style: Style

  /// What the reader asked for.
  struct Style {
    /// Whether the mean is one of rows that do not all weigh the same.
    let isWeighted: Bool
    let usesBits: Bool
    let topK: Int?
  }

  /// The mean that is printed: a mean of means it never is.
  private var meanName: String { style.isWeighted ? "sum / weight" : "sum / counted rows" }

  private func loss(_ nats: Double) -> String {
    style.usesBits ? "\(digits(nats / M_LN2)) bits a row" : "\(digits(nats)) nats a row"
  }

  private func described(_ bad: (row: Int, reason: String)) -> String {
    let place = rowShape.count > 1 ? ", which is at \(index(ofRow: bad.row))" : ""
    return "row \(bad.row)\(place): \(bad.reason)"
  }

  /// Where a row stands in the dimensions of the rows.
  private func index(ofRow row: Int) -> [Int] {
    var left = row
    let reversed = rowShape.reversed().map { extent in
      defer { left /= extent }
      return left % extent
    }
    return reversed.reversed()
  }

  /// A table for people.
  var text: String {
    var lines = [
      ("rows", "\(evaluation.rowCount)"),
      (style.isWeighted ? "weighted mean" : "mean loss", "\(loss(evaluation.mean)) (\(meanName))"),
      ("perplexity", digits(evaluation.perplexity)),
      ("accuracy", digits(evaluation.accuracy)),
    ]
    if let topK = style.topK { lines.append(("top \(topK)", digits(evaluation.topKAccuracy))) }
    if style.isWeighted { lines.append(("weight", digits(evaluation.weight))) }
    if evaluation.zSum != 0 { lines.append(("of it z-loss", loss(evaluation.zSum / evaluation.finiteWeight))) }
    if evaluation.ignoredCount > 0 { lines.append(("ignored", "\(evaluation.ignoredCount) rows")) }
    if evaluation.notFiniteCount > 0 {
      lines.append(("invalid", "\(evaluation.invalidCount) rows"))
      lines.append(("not finite", "\(evaluation.notFiniteCount) rows, the invalid ones included"))
      lines.append(("mean of the rest", loss(evaluation.finiteMean)))
    }
    if let bad = evaluation.firstBadRow { lines.append(("first bad row", described(bad))) }
    let rate = Double(evaluation.rowCount) / seconds
    lines.append(("throughput", "\(digits(rate, 4)) rows/s, \(digits(Double(byteCount) / seconds / 1e6, 4)) MB/s"))
    lines.append(("daemon", "xentd \(daemon.version) (\(daemon.kernel), \(daemon.workers) workers) at \(endpoint)"))
    if delivery.resent > 0 { lines.append(("sent again", "\(delivery.resent) times\(reasons)")) }
    let width = lines.map { $0.0.count }.max() ?? 0
    return lines.map { $0.0 + String(repeating: " ", count: width + 2 - $0.0.count) + $0.1 }.joined(separator: "\n")
  }

  /// Why batches were sent again, as far as it is not only that their results were late.
  private var reasons: String {
    let reasons = [
      (delivery.breaks, "connections that broke"), (delivery.hangs, "connections that hung"),
      (delivery.restarts, "daemons that restarted"),
      (delivery.busy, "times busy"), (delivery.draining, "times stopping"), (delivery.faults, "faults"),
    ]
    let seen = reasons.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return seen.isEmpty ? "" : ": " + seen.joined(separator: ", ")
  }

  /// One JSON object for programs; what is not finite is null.
  var json: String {
    var fields: [(String, String)] = [
      ("rows", "\(evaluation.rowCount)"), ("counted", "\(evaluation.countedCount)"),
      ("ignored", "\(evaluation.ignoredCount)"), ("invalid", "\(evaluation.invalidCount)"),
      ("not_finite", "\(evaluation.notFiniteCount)"), ("correct", "\(evaluation.correctCount)"),
      ("sum", number(evaluation.sum)), ("weight", number(evaluation.weight)), ("mean", number(evaluation.mean)),
      ("finite_mean", number(evaluation.finiteMean)), ("perplexity", number(evaluation.perplexity)),
      ("mean_is", quoted(meanName)), ("bits", number(evaluation.mean / M_LN2)),
      ("finite_sum", number(evaluation.finiteSum)), ("finite_weight", number(evaluation.finiteWeight)),
      ("z_sum", number(evaluation.zSum)), ("accuracy", number(evaluation.accuracy)), ("batches", "\(batchCount)"),
      ("seconds", number(seconds)),
      ("bytes", "\(byteCount)"), ("endpoint", quoted(endpoint)),
    ]
    let counts = delivery.named.map { "\"\($0.name)\": \($0.count)" }
    fields.append(("delivery", "{\(counts.joined(separator: ", "))}"))
    if let topK = style.topK {
      fields += [
        ("top_k", "\(topK)"), ("top_k_correct", "\(evaluation.topKCorrectCount)"),
        ("top_k_accuracy", number(evaluation.topKAccuracy)),
      ]
    }
    if let bad = evaluation.firstBadRow {
      let place = "\"row\": \(bad.row), \"index\": \(index(ofRow: bad.row))"
      fields.append(("first_bad_row", "{\(place), \"message\": \(quoted(described(bad)))}"))
    }
    return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
  }

  private func digits(_ value: Double, _ count: Int = 7) -> String {
    var text = [CChar](repeating: 0, count: 64)
    let length = withVaList([Int32(count), value]) { vsnprintf(&text, text.count, "%.*g", $0) }
    return String(decoding: text[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

  private func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
