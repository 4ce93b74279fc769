import Testing
import ZeroMQ

@testable import XentClient

@Suite("Why a daemon does not let us in")
struct LockoutTests {
  private let keys: CurveKeyPair
  private let security: SocketSecurity

  init() throws {
    keys = try CurveKeyPair.random()
    security = .client(serverKey: try CurveKeyPair.random().publicKey, keys: keys)
  }

  @Test("a key that is not known is named, with the line to add")
  func unknownKey() {
    let lockout = Lockout([.notAllowed: 1, .disconnected: 3], security)
    #expect(lockout == .unknownKey(keys.publicKey))
    #expect(lockout?.isFinal == true)
    #expect(lockout?.description.contains("add the line `\(keys.publicKey)`") == true)
  }

  @Test("one side that encrypts and one that does not cannot meet")
  func mechanism() {
    #expect(Lockout([.mechanism: 1], security) == .hasNoKeys)
    #expect(Lockout([.mechanism: 1], .none) == .wantsKeys)
    #expect(Lockout([.mechanism: 1], .none)?.isFinal == true)
  }

  @Test("handshakes that end may mean a wrong key, or a daemon that stops: it is waited for")
  func wrongServerKey() {
    guard case .wrongServerKey = Lockout([.disconnected: 1], security) else {
      Issue.record("expected a wrong key")
      return
    }
    #expect(Lockout([.disconnected: 1], security)?.isFinal == false)
  }

  @Test("without failures, or with such as keys have no part in, nothing is known")
  func nothing() {
    #expect(Lockout([:], security) == nil)
    #expect(Lockout([:], .none) == nil)
    #expect(Lockout([.disconnected: 5, .timedOut: 2], .none) == nil)
  }
}
