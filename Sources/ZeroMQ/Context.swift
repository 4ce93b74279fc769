import CZeroMQ

/// libzmq's context: its I/O thread and everything that its sockets share. It must outlive them.
package struct Context: ~Copyable {
  let handle: UnsafeMutableRawPointer

  package init(ioThreadCount: Int32 = 1) throws(ZeroMQError) {
    guard let handle = zmq_ctx_new() else { throw ZeroMQError("create a context") }
    // Not blocky: a new socket's linger is 0, so that termination never hangs on one that nobody configured.
    guard zmq_ctx_set(handle, ZMQ_BLOCKY, 0) == 0, zmq_ctx_set(handle, ZMQ_IO_THREADS, ioThreadCount) == 0 else {
      let error = ZeroMQError("configure a context")
      zmq_ctx_term(handle)
      throw error
    }
    self.handle = handle
  }

  /// Waits until what the sockets linger for has left.
  deinit {
    _ = uninterrupted { zmq_ctx_term(handle) }
  }
}

/// The version of the libzmq that runs, as `4.3.4`.
package func libraryVersion() -> String {
  var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
  zmq_version(&major, &minor, &patch)
  return "\(major).\(minor).\(patch)"
}
