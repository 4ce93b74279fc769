import ArgumentParser
import Glibc
import XentClient

/// `xent status`: how a daemon is.
struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell how a daemon is: whether it is ready, what it has done, how fast it is.",
    discussion: """
      Without --http, the daemon at $XENTD_HTTP is asked; else the user's, the system's, or the one at 127.0.0.1:9464, \
      whichever answers first.

      Exit code 0: the daemon is ready. Exit code 1: it is not. Exit code 2: none answers.
      """)

  @Option(
    help: ArgumentHelp(
      "Where the daemon answers HTTP: ADDRESS:PORT, or the path of a unix socket.", valueName: "address"))
  var http: String?

  @Flag(help: "Look again and again, and show rates: a page on a terminal, else a line each time.")
  var watch = false

  @Option(help: ArgumentHelp("How often --watch looks.", valueName: "seconds"))
  var interval = 1.0

  @Flag(help: "Print what the daemon says as it is: one JSON object a line.")
  var json = false

  func validate() throws {
    guard interval >= 0.1, interval <= 3600 else {
      throw ValidationError("--interval: expected from 0.1 to 3600 seconds, received \(interval)")
    }
  }

  func run() throws {
    do {
      guard !watch else { return try watchForEver() }
      let (address, body) = try StatusSource(http: http).first { ($0, $1) }
      let status = try DaemonStatus(json: body)
      put(json ? line(body) : StatusReport(status: status, address: address.description).text + "\n")
      if !status.ready { throw ExitCode(1) }
    } catch let code as ExitCode {
      throw code
    } catch {
      complain("\(error)")
      throw ExitCode(2)
    }
  }

  private func watchForEver() throws {
    // The first answer settles which daemon is watched.
    let (address, first) = try StatusSource(http: http).first { ($0, $1) }
    var view = WatchView(address: address.description, isTerminal: isatty(STDOUT_FILENO) == 1)
    var body: Result<[UInt8], any Error> = .success(first)
    while true {
      switch body {
      case .success(let bytes): put(json ? line(bytes) : view.show(try DaemonStatus(json: bytes)))
      case .failure(let error):
        if json { complain("\(error)") } else { put(view.showLoss("\(error)")) }
      }
      usleep(useconds_t(interval * 1e6))
      body = Result { try StatusSource([address]).first { $1 } }
    }
  }

  private func line(_ body: [UInt8]) -> String {
    let text = String(decoding: body, as: UTF8.self)
    return text.hasSuffix("\n") ? text : text + "\n"
  }

  private func put(_ text: String) { write(text, to: STDOUT_FILENO) }

  private func complain(_ message: String) { write("xent: \(message)\n", to: STDERR_FILENO) }

  /// Whole, or to the end of those who read it.
  private func write(_ text: String, to descriptor: Int32) {
    var left = Array(text.utf8)[...]
    while !left.isEmpty {
      let count = left.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { Glibc.exit(1) }
      left = left.dropFirst(count)
    }
  }
}
