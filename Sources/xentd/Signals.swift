import Glibc
import XentService

/// Where the handlers write: a handler can reach nothing but globals.
private nonisolated(unsafe) var stopDescriptor: Int32 = -1
private nonisolated(unsafe) var reloadDescriptor: Int32 = -1

/// Has SIGTERM and SIGINT ask for a stop, and SIGHUP for a reload.
func listenToSignals(stop: ServiceRequest, reload: ServiceRequest) {
  (stopDescriptor, reloadDescriptor) = (stop.wakeDescriptor, reload.wakeDescriptor)
  for signal in [SIGTERM, SIGINT, SIGHUP] {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { signal in
      let savedError = errno
      var byte: UInt8 = 1
      write(signal == SIGHUP ? reloadDescriptor : stopDescriptor, &byte, 1)
      errno = savedError
    }
    sigaction(signal, &action, nil)
  }
}

/// A peer that goes away while something is written to it must not end the process.
func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
