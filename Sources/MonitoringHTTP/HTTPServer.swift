import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// A small HTTP/1.1 server for programs that are watched: GET and HEAD, one request a connection, on one thread.
///
/// Nothing that a client does makes it hold more than `ConnectionLimit.largestCount` connections an address, each for at
/// most `OneRequest.lifetime`, with at most `largestHeaderByteCount` bytes of a request and one answer.
package final class HTTPServer: Sendable {
  /// Makes the answer to a question, on the server's thread. It should only read, and soon be done.
  package typealias Responder = @Sendable (HTTPQuestion) -> HTTPAnswer

  private static let largestHeaderByteCount = 16 << 10

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let listeners: [Listener]

  private struct Listener {
    let address: ListenAddress
    let channel: any Channel
  }

  /// Listens on every address, or on none.
  /// - Throws: `HTTPServerError` where an address cannot be had.
  package init(addresses: [ListenAddress], responder: @escaping Responder) throws(HTTPServerError) {
    var listeners: [Listener] = []
    for address in addresses {
      do {
        let channel = try Self.bootstrap(group, responder).bind(to: address.socketAddress()).wait()
        listeners.append(Listener(address: address, channel: channel))
        try Self.restrict(address)
      } catch {
        Self.close(listeners, group)
        throw HTTPServerError(address: address, reason: Self.reason(error))
      }
    }
    self.listeners = listeners
  }

  /// Where it listens, with the ports that the system chose.
  package var addresses: [ListenAddress] {
    listeners.map { listener in
      guard case .tcp(let host, _) = listener.address, let port = listener.channel.localAddress?.port else {
        return listener.address
      }
      return .tcp(host: host, port: port)
    }
  }

  /// Hangs up, and takes its sockets out of the file system.
  package func stop() { Self.close(listeners, group) }

  private static func bootstrap(_ group: EventLoopGroup, _ responder: @escaping Responder) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // One at a time, so that the limit is looked at before each.
      .serverChannelOption(.maxMessagesPerRead, value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ConnectionLimit()) }
      }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          var limits = NIOHTTPDecoderLimitConfiguration()
          limits.maxHeaderFieldSize = largestHeaderByteCount
          limits.maxHeaderListSize = largestHeaderByteCount
          limits.maxHeaderFieldCount = 64
          let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
          try channel.pipeline.syncOperations.addHandlers([
            HTTPResponseEncoder(), ByteToMessageHandler(decoder), OneRequest(responder),
          ])
        }
      }
  }

  /// A socket in the file system is for its owner and group, whatever the process's mask.
  private static func restrict(_ address: ListenAddress) throws {
    guard case .unix(let path) = address else { return }
    guard chmod(path, 0o660) == 0 else { throw IOError(errnoCode: errno, reason: "chmod") }
  }

  private static func close(_ listeners: [Listener], _ group: MultiThreadedEventLoopGroup) {
    for listener in listeners {
      try? listener.channel.close().wait()
      if case .unix(let path) = listener.address { unlink(path) }
    }
    try? group.syncShutdownGracefully()
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    let words = String(cString: strerror(error.errnoCode))
    guard error.errnoCode == EADDRINUSE else { return words }
    return "\(words); stop what listens there, or choose another address"
  }
}

/// Why a server cannot listen.
package struct HTTPServerError: Error, CustomStringConvertible {
  package let address: ListenAddress
  package let reason: String
  package var description: String { "http: cannot listen on \(address): \(reason)" }
}
