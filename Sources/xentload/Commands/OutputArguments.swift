import ArgumentParser
import Glibc
import XentProtocol

/// What is printed and written.
struct OutputArguments: ParsableArguments {
  @Flag(help: "Print one JSON object, which holds to Documentation/xentload.schema.json.")
  var json = false

  @Flag(help: "No live display.")
  var quiet = false

  @Option(help: ArgumentHelp("Write a page with charts, which needs no network.", valueName: "report.html"))
  var html: String?

  var isQuiet: Bool { quiet }

  /// Prints what a report tells, and writes the page where one is wanted.
  func write(text: String, json: JSON, page: () -> String) throws {
    print(self.json ? json.text : text)
    if let html { try TextFile(html).write(page()) }
  }
}

/// Files of a run's corrected latencies.
struct HistogramArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write the latencies as HdrHistogram's percentile distribution, in ms.", valueName: "out.hgrm"))
  var hgrm: String?

  @Option(
    help: ArgumentHelp("Write the latencies of each window as HdrHistogram's log, version 2.", valueName: "out.hlog"))
  var hdrLog: String?

  func write(_ outcome: RunOutcome) throws {
    if let hgrm { try TextFile(hgrm).write(outcome.total.latencies.corrected.histogram.percentileDistribution) }
    if let hdrLog { try TextFile(hdrLog).write(HistogramLog(outcome.timeline.windows).text) }
  }
}

/// A file that is written as a whole.
struct TextFile {
  private let path: String

  init(_ path: String) { self.path = path }

  func write(_ text: String) throws {
    guard let stream = fopen(path, "we") else { throw failure }
    var text = text
    let isWritten = text.withUTF8 { fwrite($0.baseAddress, 1, $0.count, stream) == $0.count }
    guard fclose(stream) == 0, isWritten else { throw failure }
  }

  private var failure: LoadError { LoadError("\(path): cannot be written: \(String(cString: strerror(errno)))") }
}
