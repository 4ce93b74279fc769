import ArgumentParser
import XentProtocol

/// The load tester.
@main
struct Xentload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xentload", abstract: "Measures how fast xentd computes.", version: releaseVersion,
    subcommands: [InProcess.self])
}
