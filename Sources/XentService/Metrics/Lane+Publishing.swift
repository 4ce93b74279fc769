import ZeroMQ

extension Lane {
  /// Notes how the lane is at the end of a turn.
  /// - Parameter turnNanoseconds: how long the turn was.
  func publish(turnNanoseconds: Int) {
    metrics.waitingBytes.set(waitingByteCount)
    metrics.waitingResults.set(waitingResultCount)
    if metrics.isPaused { metrics.pausedNanoseconds.add(turnNanoseconds) }
    metrics.setPaused(!isReading)
  }

  /// Notes who is connected, and who came in vain. For once a second: it allocates.
  func publishPeers() throws(ZeroMQError) {
    for (endpoint, peers) in zip(metrics.endpoints, peers) { endpoint.peers.set(peers.count) }
    for (reason, count) in try handshakeFailures() { metrics.set(reason, to: count) }
  }
}
