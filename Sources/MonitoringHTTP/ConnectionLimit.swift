import NIOCore

/// Accepts a connection only while fewer than so many are open: others wait where the kernel keeps them.
final class ConnectionLimit: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel
  typealias OutboundIn = Never

  static let largestCount = 32

  private var openCount = 0
  private var isAsked = false

  func read(context: ChannelHandlerContext) {
    if openCount < Self.largestCount {
      context.read()
    } else {
      isAsked = true
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    openCount += 1
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
      let (limit, context) = bound.value
      limit.didClose(context)
    }
    context.fireChannelRead(data)
  }

  private func didClose(_ context: ChannelHandlerContext) {
    openCount -= 1
    guard isAsked else { return }
    isAsked = false
    context.read()
  }
}
