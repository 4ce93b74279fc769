import FoundationEssentials
import XentClient
import XentProtocol

/// Where a daemon may be asked how it is.
struct StatusSource {
  let addresses: [MonitoringAddress]

  init(_ addresses: [MonitoringAddress]) { self.addresses = addresses }

  /// - Parameter http: an address; nil for `$XENTD_HTTP`, else the user's, the system's and the machine's.
  init(http: String?) {
    let environment = ProcessInfo.processInfo.environment
    let directories = [DefaultEndpoints.user(environment: environment), .system].compactMap { $0?.directory }
    addresses =
      http.map { [MonitoringAddress($0)] }
      ?? MonitoringAddress.candidates(environment: environment, directories: directories)
  }

  /// The answer of the first that gives one which will do.
  ///
  /// - Parameters:
  ///   - seconds: how long each step may take.
  ///   - read: makes something of it, or throws why it will not do.
  func first<Answer>(
    seconds: Int = 5, _ read: (MonitoringAddress, [UInt8]) throws(MonitoringError) -> Answer
  ) throws(NoStatus) -> Answer {
    var failures: [MonitoringError] = []
    for address in addresses {
      do throws(MonitoringError) {
        let answer = try address.get("/status", seconds: seconds)
        guard answer.status == 200 else {
          throw MonitoringError(address: address, reason: "answers with status \(answer.status); it is no daemon's")
        }
        return try read(address, answer.body)
      } catch {
        failures.append(error)
      }
    }
    throw NoStatus(failures: failures)
  }
}

/// Nobody could be asked.
struct NoStatus: Error, CustomStringConvertible {
  let failures: [MonitoringError]
  var description: String {
    "no daemon answers: \(failures.map(\.description).joined(separator: "; ")). Start one with `xentd`, or name where it "
      + "answers HTTP with --http (`http` in its configuration)"
  }
}
