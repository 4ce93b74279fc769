import ArgumentParser
import XentProtocol

/// The command line.
@main
struct Xent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xent", abstract: "Asks a xentd daemon for softmax cross-entropy, and how it is.",
    version: releaseVersion,
    subcommands: [Eval.self, Status.self, Reload.self, Keygen.self])
}
