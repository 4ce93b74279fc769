import Glibc
import XentService

/// Where the handler writes: a handler can reach nothing but globals.
private nonisolated(unsafe) var stopDescriptor: Int32 = -1

/// Has SIGTERM and SIGINT ask for a stop.
func stopOnSignals(_ stop: StopRequest) {
  stopDescriptor = stop.wakeDescriptor
  for signal in [SIGTERM, SIGINT] {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      let savedError = errno
      var byte: UInt8 = 1
      write(stopDescriptor, &byte, 1)
      errno = savedError
    }
    sigaction(signal, &action, nil)
  }
}

/// A peer that goes away while something is written to it must not end the process.
func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
