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

  @Test(
    "handshakes that end may mean a wrong key or none, or a daemon that stops: it is waited for",
    arguments: [true, false])
  func endsHandshakes(encrypts: Bool) throws {
    let lockout = try #require(Lockout([.disconnected: 1], encrypts ? security : .none))
    guard case .endsHandshakes(let key) = lockout else {
      Issue.record("expected handshakes that end, not \(lockout)")
      return
    }
    #expect((key != nil) == encrypts)
    #expect(!lockout.isFinal)
    #expect(lockout.description.contains("--server-key"))
  }

  @Test("what was said of a handshake counts for more than how others ended")
  func saidOnce() {
    #expect(Lockout([.mechanism: 1, .disconnected: 5], security) == .hasNoKeys)
    #expect(Lockout([.mechanism: 1, .disconnected: 5], .none) == .wantsKeys)
  }

  @Test("without failures, or with such as keys have no part in, nothing is known")
  func nothing() {
    #expect(Lockout([:], security) == nil)
    #expect(Lockout([:], .none) == nil)
    #expect(Lockout([.timedOut: 2, .malformed: 1], .none) == nil)
  }
}
