/// Hears from the loop, on its thread, what a service manager wants to know. Must not block.
package protocol ServiceObserver: AnyObject {
  /// All endpoints are bound.
  func didStart()
  /// A stop was asked for, and the drain begins.
  func willStop()
}
