/// Where a service's configuration comes from, and can be had again. Called on the loop's thread.
package protocol ConfigurationSource: AnyObject {
  /// Reads the configuration and checks it as at a start.
  /// - Throws: what is wrong with it, in words.
  func read() throws -> ServiceConfiguration
  /// The configuration that was read last is in force.
  /// - Returns: the names of changed settings that are in force only after the next start.
  func didApply() -> [String]
}
