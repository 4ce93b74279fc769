import CZeroMQ
import Glibc

/// Why a connection came to nothing before its first message, as far as libzmq tells.
package enum HandshakeFailure: String, CaseIterable, Sendable {
  /// The `Authenticator` did not let the peer in.
  case notAllowed = "not_allowed"
  /// The peer used a key that is not ours, or cannot prove that it has its own.
  case wrongKey = "wrong_key"
  /// One side wants CURVE and the other does not.
  case mechanism
  /// The peer speaks ZeroMQ, but not as its protocol says.
  case malformed
  /// The peer went away.
  case disconnected
  /// The peer said too little for too long.
  case timedOut = "timed_out"
  /// The peer was dropped without a word: it does not speak ZeroMQ, or too old a version of it.
  case notZeroMQ = "not_zeromq"

  /// - Parameters:
  ///   - event: what a socket monitor reports.
  ///   - value: the number that comes with it.
  /// - Returns: nil where the event is not that of a failure.
  init?(event: Int32, value: Int32) {
    switch event {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .notAllowed
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      // The errno of the last read, which found nothing where the time was up.
      self = value == EAGAIN || value == ETIMEDOUT ? .timedOut : .disconnected
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      switch value {
      case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE: self = .wrongKey
      case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: self = .mechanism
      default: self = .malformed
      }
    default: return nil
    }
  }
}
