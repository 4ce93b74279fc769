import Glibc

/// A thread of the system that runs a function.
struct RunningThread {
  private let handle: pthread_t

  init(_ body: sending @escaping () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    var handle = pthread_t()
    let failure = pthread_create(
      &handle, nil,
      { argument in
        let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        body.call()
        return nil
      }, box.toOpaque())
    precondition(failure == 0, "no thread: \(String(cString: strerror(failure)))")
    self.handle = handle
  }

  /// Waits until it ends.
  func join() { pthread_join(handle, nil) }

  private final class Body {
    let call: () -> Void
    init(_ call: @escaping () -> Void) { self.call = call }
  }
}
