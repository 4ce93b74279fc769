import NIOCore
import NIOHTTP1

/// Answers the first request of a connection, and hangs up. A connection that takes too long, to ask or to listen, is
/// hung up on.
final class OneRequest: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// From the connection to the last byte of the answer.
  static let lifetime = TimeAmount.seconds(10)

  private let responder: HTTPServer.Responder
  private var isAnswered = false
  private var deadline: Scheduled<Void>?

  init(_ responder: @escaping HTTPServer.Responder) { self.responder = responder }

  func channelActive(context: ChannelHandlerContext) {
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lifetime) { context.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    deadline = nil
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // What a request brings behind its head matters to no answer.
    guard case .head(let head) = unwrapInboundIn(data) else { return }
    var headers = HTTPHeaders()
    let answer: HTTPAnswer
    if head.method == .GET || head.method == .HEAD {
      let path = head.uri.prefix { $0 != "?" && $0 != "#" }
      answer = responder(HTTPQuestion(path: String(path), accept: head.headers["Accept"].joined(separator: ",")))
    } else {
      headers.add(name: "Allow", value: "GET, HEAD")
      answer = HTTPAnswer(status: 405, text: "\(head.method.rawValue): expected GET or HEAD\n")
    }
    send(answer, headers, isHead: head.method == .HEAD, context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case HTTPParserError.headerOverflow:
      send(
        HTTPAnswer(status: 431, text: "the request's headers are too large\n"), HTTPHeaders(), isHead: false, context)
    case is HTTPParserError:
      send(HTTPAnswer(status: 400, text: "not an HTTP/1.1 request\n"), HTTPHeaders(), isHead: false, context)
    default: context.close(promise: nil)
    }
  }

  private func send(_ answer: HTTPAnswer, _ extra: HTTPHeaders, isHead: Bool, _ context: ChannelHandlerContext) {
    guard !isAnswered else { return }
    isAnswered = true
    var headers = extra
    headers.add(name: "Content-Type", value: answer.contentType)
    headers.add(name: "Content-Length", value: "\(answer.body.count)")
    headers.add(name: "Cache-Control", value: "no-store")
    headers.add(name: "Connection", value: "close")
    let status = HTTPResponseStatus(statusCode: answer.status)
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
    if !isHead {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }
}
