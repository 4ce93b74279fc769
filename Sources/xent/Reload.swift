import ArgumentParser
import Glibc

/// `xent reload`: has a daemon read its configuration again.
struct Reload: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a daemon's configuration and have the daemon change to it, without a stop.",
    discussion: """
      The file is checked by `xentd --check`, and a bad one is not sent; one with a key that cannot be read here is left \
      to the daemon. What the daemon made of it is read from its \
      /status, where --http, $XENTD_HTTP or the usual places find it. Settings that wait for a restart are named.

      Exit code 0: the daemon has changed (without --wait: it was told to). Exit code 1: the file was refused and nothing \
      is changed, or a lane of it could not be opened. Exit code 2: no daemon answers, or not in time.
      """)

  @Option(
    help: ArgumentHelp("The file to check (default: the one that the daemon was started with).", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("The daemon's process (default: $MAINPID, else the one that answers).", valueName: "pid"))
  var pid: Int32?

  @Option(
    help: ArgumentHelp(
      "Where the daemon answers HTTP: ADDRESS:PORT, or the path of a unix socket.", valueName: "address"))
  var http: String?

  @Flag(help: "Wait until the daemon has changed, or has refused to.")
  var wait = false

  @Option(help: ArgumentHelp("How long all of it may take.", valueName: "seconds"))
  var timeout = 10.0

  func validate() throws {
    guard timeout > 0, timeout <= 86400 else {
      throw ValidationError("--timeout: expected more than 0 and at most 86400 seconds, received \(timeout)")
    }
    if let pid, pid <= 0 { throw ValidationError("--pid: expected the number of a process, received \(pid)") }
  }

  func run() throws {
    do {
      let end = ContinuousClock.now + .seconds(timeout)
      let daemon = RunningDaemon(http: http, pid: wantedProcess)
      let before = try isStatusNeeded ? daemon.status(seconds: stepSeconds) : nil
      try check(file(of: before), until: end)
      guard let process = wantedProcess ?? before.map({ pid_t($0.pid) }) else { return }
      try RunningDaemon.hangUp(process)
      if wait, let before { try awaitOutcome(of: RunningDaemon(http: http, pid: process), after: before, until: end) }
    } catch let refusal as RefusedConfiguration {
      writeError("xent: \(refusal.description)\n")
      throw ExitCode(1)
    } catch {
      writeError("xent: \(error)\n")
      throw ExitCode(2)
    }
  }

  /// The process that is named; nil for the one that answers.
  private var wantedProcess: pid_t? { pid ?? getenv("MAINPID").flatMap { pid_t(String(cString: $0)) } }

  private var isStatusNeeded: Bool { wait || wantedProcess == nil || config == nil }

  /// How long a step of a question may take.
  private var stepSeconds: Int { min(5, max(1, Int(timeout))) }

  private func file(of status: DaemonStatus?) throws(ReloadError) -> String {
    guard let file = config ?? status?.configuration.file else {
      throw ReloadError("the daemon was started without --config, so there is no file to read again")
    }
    return file
  }

  private func check(_ file: String, until end: ContinuousClock.Instant) throws {
    switch try ConfigurationCheck().verdict(on: file, until: end) {
    case .good: break
    case .bad(let problem): throw RefusedConfiguration(description: problem)
    // It reads the file itself, and changes nothing where it cannot.
    case .undecided(let reason): print("left to the daemon to check: \(reason)")
    }
  }

  private func awaitOutcome(
    of daemon: RunningDaemon, after before: DaemonStatus, until end: ContinuousClock.Instant
  ) throws {
    // One that was under way may have read the file before it was as it is.
    let own = before.configuration.reloads + (before.configuration.reloading ? 2 : 1)
    var silence = ""
    while ContinuousClock.now < end {
      switch Result(catching: { () throws(NoStatus) in try daemon.status(seconds: 1).configuration }) {
      case .success(let now) where now.reloads >= own: return try report(now, of: before.pid)
      case .success: silence = ""
      case .failure(let error): silence = ": \(error.failures.map(\.description).joined(separator: "; "))"
      }
      guard !RunningDaemon.isGone(pid_t(before.pid)) else {
        throw ReloadError("process \(before.pid) ended before it said what it made of its configuration")
      }
      usleep(20_000)
    }
    throw ReloadError(
      "the daemon was told, and has not said within \(timeout) s what it made of its configuration\(silence)")
  }

  private func report(_ configuration: DaemonStatus.Configuration, of pid: Int) throws {
    let waiting = configuration.waitingForRestart
    if !waiting.isEmpty { print("waits for a restart: \(waiting.joined(separator: ", "))") }
    if let problem = configuration.lastReloadError { throw RefusedConfiguration(description: problem) }
    print("xentd, process \(pid), has changed to \(configuration.file ?? "its configuration")")
  }
}

/// What is wrong with a configuration, as the daemon says it.
private struct RefusedConfiguration: Error, CustomStringConvertible { let description: String }
