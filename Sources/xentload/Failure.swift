import ArgumentParser
import Glibc

/// How the load tester ends when something is not as it should be.
enum Failure {
  /// A result was wrong, missing, foreign or duplicated.
  static let wrongResults = ExitCode(1)
  /// Nothing could be measured.
  static let notMeasured = ExitCode(2)
  /// A condition of `--fail-if` holds.
  static let condition = ExitCode(99)

  /// Runs a measurement; an error is told and ends the process.
  static func reported<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as ExitCode {
      throw error
    } catch {
      tell("xentload: \(error)")
      throw notMeasured
    }
  }

  /// Prints a line on standard error.
  static func tell(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
