import ArgumentParser
import CrossEntropy
import Glibc
import XentProtocol

/// `xentload inprocess`: the computation alone, without a network, beside what the memory can do.
struct InProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inprocess",
    abstract: "Measure the computation alone, and a plain streaming sum over the same memory in the same run.",
    discussion: """
      Passes of both are made in turn, after some that do not count: one of each at least, and for a tenth of a second, \
      so that all threads are there. Both read logits and labels. The logits fill memory larger than the \
      last-level cache where the shape allows, and every page is touched before the first pass.
      """)

  @Option(help: "Rows in a batch.")
  var rows = 8192

  @Option(help: "Classes.")
  var classes = 1000

  @Option(help: "The type of the logits (default: f32).")
  var type: LogitsType?

  @Option(help: "The kind of the labels (default: integer).")
  var labels: LabelKind?

  @Option(help: "The type of the labels (default: i64 of integer labels, f32 of others).")
  var labelType: LabelType?

  @Option(help: "Threads that compute at once.")
  var threads = 1

  @Option(help: "The kernel, as `xentd --kernels` names it (default: what XENTD_KERNEL says, else the fastest).")
  var kernel: String?

  @Option(help: "Passes that count.")
  var passes = 15

  @OptionGroup(title: "Options of the loss")
  var loss: LossArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value, most) in [("threads", threads, 1024), ("passes", passes, 10_000)]
    where value < 1 || value > most {
      throw ValidationError("--\(name): expected 1 to \(most), received \(value)")
    }
    if let problem = shape.problem { throw ValidationError("--" + problem) }
    guard loss.ignored == 0 || shape.labels == .integer && [.i32, .i64].contains(shape.labelType) else {
      throw ValidationError(
        "--ignored: goes with integer labels of i32 or i64, received \(shape.labels.plural) of \(shape.labelType.name)")
    }
  }

  private var shape: BatchShape {
    BatchShape(rows: rows, classes: classes, type: type ?? .f32, labels: labels ?? .integer, labelType: labelType)
  }

  private func chosenKernel() throws(KernelError) -> Kernel {
    guard let name = kernel ?? getenv("XENTD_KERNEL").map({ String(cString: $0) }) else { return .best }
    return try Kernel.named(name)
  }

  func run() throws {
    let kernel = try chosenKernel()
    let data = BenchmarkData(shape, loss: loss)
    let round = Round(workerCount: threads, kernel: kernel)
    let stream = StreamingSum([data.logits, data.labels], pool: round.pool)
    var computeSeconds: [Double] = []
    var streamSeconds: [Double] = []
    round.pool.run {
      func compute() {
        round.removeAll()
        _ = round.add(data.batch)
        round.compute()
      }
      let warmUpEnd = ContinuousClock.now + .milliseconds(100)
      repeat {
        compute()
        stream.run()
      } while ContinuousClock.now < warmUpEnd
      for _ in 0..<passes {
        computeSeconds.append(seconds(compute))
        streamSeconds.append(seconds(stream.run))
      }
    }
    let report = InProcessReport(
      rowCount: rows, classCount: classes, type: shape.type.name, byteCount: data.logits.count,
      readByteCount: data.logits.count + data.labels.count, labels: shape.labels.argument,
      labelType: shape.labelType.name, kernel: kernel.name, threadCount: threads,
      computeSeconds: computeSeconds.sorted(), streamSeconds: streamSeconds.sorted())
    print(json ? report.json : report.text)
  }

  private func seconds(_ body: () -> Void) -> Double {
    let start = ContinuousClock.now
    body()
    return (ContinuousClock.now - start) / .seconds(1)
  }
}
