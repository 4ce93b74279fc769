import ArgumentParser
import FoundationEssentials
import XentClient
import ZeroMQ

/// The keys of an encrypted connection.
struct SecurityArguments: ParsableArguments {
  // A key may begin with a dash.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Encrypt, with the daemon that has this public key (default: $XENTD_SERVER_KEY); goes with --key.",
      valueName: "key or file"))
  var serverKey: String?

  @Option(
    help: ArgumentHelp(
      "Be known to the daemon by this secret key, as `xent keygen` writes it (default: $XENTD_KEY).",
      valueName: "file"))
  var key: String?

  /// What the options say, or the environment.
  func security() throws -> SocketSecurity {
    let environment = ProcessInfo.processInfo.environment
    return try ClientKeys.security(
      serverKey: serverKey ?? environment[ClientKeys.serverKeyVariable],
      keyFile: key ?? environment[ClientKeys.keyFileVariable])
  }
}
