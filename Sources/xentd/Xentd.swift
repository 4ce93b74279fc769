import ArgumentParser
import CrossEntropy
import Glibc
import Logging
import MonitoringHTTP
import XentProtocol
import XentService
import ZeroMQ

/// The daemon.
@main
struct Xentd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xentd",
    abstract: "Computes softmax cross-entropy for programs that stream logits to it over ZeroMQ.",
    discussion: """
      With no option it serves the default lanes in /run/xentd (root) or $XDG_RUNTIME_DIR/xentd (others): clients \
      push requests to requests.sock and pull results from results.sock, or do both by xentd.sock. XENTD_KERNEL in \
      the environment names the kernel (see --kernels), over what the configuration says.
      """,
    version: releaseVersion)

  @Option(help: ArgumentHelp("Read the configuration from a YAML file.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Bind a PULL socket for requests; goes with --results.", valueName: "endpoint"))
  var requests: String?

  @Option(help: ArgumentHelp("Bind a PUSH socket for results; goes with --requests.", valueName: "endpoint"))
  var results: String?

  @Option(help: ArgumentHelp("Bind a ROUTER socket for requests and results.", valueName: "endpoint"))
  var router: String?

  @Option(
    help: ArgumentHelp("Compute on at most this many cores (default: all that the process may use).", valueName: "n"))
  var workers: Int?

  @Option(
    help: ArgumentHelp(
      """
      Answer HTTP for metrics, health and status on ADDRESS:PORT or the path of a unix socket, once or more, or `off`. \
      (default: as the configuration says; with the default lanes 127.0.0.1:9464 and http.sock beside them; with lanes \
      that are named here, off)
      """, valueName: "address"))
  var http: [String] = []

  @Flag(help: "Check the configuration, say what is wrong with it, and exit.")
  var check = false

  @Flag(help: "List the kernels and whether this machine can run them, and exit.")
  var kernels = false

  @Option(
    help: ArgumentHelp(
      "Check in seconds that a kernel keeps its accuracy and its bits on this machine, and exit.", valueName: "kernel"))
  var selfCheck: String?

  func validate() throws {
    if config != nil, requests != nil || results != nil || router != nil {
      throw ValidationError("--config names the lanes; leave out --requests, --results and --router")
    }
    if (requests == nil) != (results == nil) {
      throw ValidationError("--requests and --results go together: a pipeline lane has both")
    }
    for endpoint in [requests, results, router].compactMap({ $0 }) {
      let configuration = EndpointConfiguration(endpoint)
      if let problem = configuration.problem ?? configuration.securityProblem {
        throw ValidationError("\(endpoint): \(problem)")
      }
    }
    if http != ["off"], let bad = http.first(where: { ListenAddress($0) == nil }) {
      throw ValidationError("--http: \(bad): \(ListenAddress.expectation), or off alone")
    }
    let allowed = ServiceConfiguration.workerCounts
    if let workers, !allowed.contains(workers) {
      throw ValidationError(
        "--workers: expected a number from \(allowed.lowerBound) to \(allowed.upperBound), received \(workers)")
    }
  }

  func run() throws {
    guard !kernels else { return listKernels() }
    if let selfCheck { return try check(kernelNamed: selfCheck) }
    let settings = try configured()
    if check {
      print(
        "\(config ?? "the command line"): \(settings.service.lanes.count) lanes, nothing is wrong; xentd itself holds "
          + "\(settings.memoryBudget.ownByteCount) bytes at the most, of \(settings.memoryByteLimit)")
      return
    }
    ignoreBrokenPipes()
    do {
      try Daemon(settings, readAgain: self.settings).run()
    } catch {
      complain("\(error)")
      throw ExitCode(EX_UNAVAILABLE)
    }
  }

  private func configured() throws -> Settings {
    do {
      return try settings()
    } catch let error as ValidationError {
      throw error
    } catch {
      complain("\(error)")
      // Who checks may be another user than the daemon's.
      let isUndecided = check && (error as? ConfigurationError)?.isOfOtherFile == true
      throw ExitCode(isUndecided ? EX_NOINPUT : EX_CONFIG)
    }
  }

  /// What the command line, the file and the environment say together.
  private func settings() throws -> Settings {
    var settings =
      if let config { try Settings(file: config) } else {
        try withoutFile()
      }
    if !http.isEmpty { settings.http = http.compactMap { ListenAddress($0) } }
    if let problem = settings.service.problem { throw ValidationError(problem) }
    if let workers { settings.service.workerCount = workers }
    if let name = getenv("XENTD_KERNEL") { settings.kernelName = try Kernel.named(String(cString: name)).name }
    try checkMemory(settings)
    return settings
  }

  private func checkMemory(_ settings: Settings) throws {
    guard let problem = settings.memoryBudget.problem(limit: settings.memoryByteLimit) else { return }
    guard let config else { throw ValidationError(problem) }
    throw ConfigurationError(file: config, line: nil, problem: problem)
  }

  private func listKernels() {
    for kernel in Kernel.all {
      let isChosen = kernel.name == Kernel.best.name
      print(
        "\(kernel.name): \(kernel.instructions); this machine \(kernel.isSupported ? "can" : "cannot") run it"
          + (isChosen ? ", and it is chosen" : ""))
    }
  }

  private func check(kernelNamed name: String) throws {
    let kernel: Kernel
    do throws(KernelError) {
      kernel = try .named(name)
    } catch {
      throw ValidationError("--self-check: \(error)")
    }
    let findings = KernelCheck(kernel).run()
    for finding in findings {
      print("\(kernel.name): \(finding.name): \(finding.isGood ? "good" : "NOT GOOD"): \(finding.detail)")
    }
    guard findings.allSatisfy(\.isGood) else { throw ExitCode(EX_SOFTWARE) }
  }

  /// The lanes of the command line; the default ones where it names none.
  private func withoutFile() throws -> Settings {
    let lanes = namedLanes()
    guard lanes.isEmpty else { return Settings(service: ServiceConfiguration(lanes: lanes), http: []) }
    let directory = try runDirectory()
    return Settings(service: ServiceConfiguration(lanes: defaultLanes(directory)), http: defaultHTTP(directory))
  }

  private func namedLanes() -> [LaneConfiguration] {
    var lanes: [LaneConfiguration] = []
    if let requests, let results {
      lanes.append(
        LaneConfiguration(
          name: "pipeline",
          sockets: .pipeline(
            requests: [EndpointConfiguration(requests)], results: [EndpointConfiguration(results)])))
    }
    if let router {
      lanes.append(LaneConfiguration(name: "router", sockets: .router([EndpointConfiguration(router)])))
    }
    return lanes
  }
}

/// Says on standard error what is wrong.
func complain(_ message: String) {
  var text = "xentd: \(message)\n"
  text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
