import Testing

@testable import xentload

@Suite("Ledger")
struct LedgerTests {
  private func entry(_ batch: Int) -> Ledger.Entry {
    Ledger.Entry(batch: batch, connection: 0, intended: 0, sent: 0, isMeasured: true)
  }

  private func isFirst(_ landing: Ledger.Landing, _ batch: Int) -> Bool {
    if case .first(let entry) = landing { return entry.batch == batch }
    return false
  }

  @Test(
    "each batch lands once, whatever the order; a second result is a duplicate, also after its place was used again")
  func landings() {
    var ledger = Ledger()
    var random = SplitMix64(seed: 1)
    var inFlight: [(sequence: UInt64, batch: Int)] = []
    var landed: [UInt64] = []
    for batch in 0..<2000 {
      inFlight.append((ledger.depart(entry(batch)), batch))
      guard inFlight.count > 7 else { continue }
      let (sequence, expected) = inFlight.remove(at: Int.random(in: 0..<inFlight.count, using: &random))
      #expect(isFirst(ledger.land(sequence), expected))
      landed.append(sequence)
      if case .duplicate = ledger.land(landed.randomElement(using: &random)!) {
      } else {
        Issue.record("not a duplicate")
      }
    }
    #expect(ledger.count == inFlight.count)
    #expect(Set(ledger.missing) == Set(inFlight.map(\.sequence)))
  }

  @Test("a number that was never sent is foreign", arguments: [0, 1, 5 << 24, 1 << 24 | 9, 2 << 24, .max] as [UInt64])
  func foreign(sequence: UInt64) {
    var ledger = Ledger()
    _ = ledger.depart(entry(0))
    if case .foreign = ledger.land(sequence) {} else { Issue.record("\(sequence) is not foreign") }
    #expect(ledger.count == 1)
  }
}
