import ArgumentParser
import XentProtocol

/// The load tester.
@main
struct Xentload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xentload", abstract: "Loads a xentd, verifies its results, and measures it.", version: releaseVersion,
    subcommands: [RunCommand.self, SweepCommand.self, CeilingCommand.self, InProcess.self, CeilingPeer.self])
}
