import Testing

@testable import XentClient

@Suite("Batches under way")
struct FlightTests {
  /// Sends the next batch, as attempt `sequence`.
  @discardableResult
  private func send(_ flight: inout Flight, sequence: UInt64, peer: Int = 0, at time: Double = 0) -> Int? {
    guard let next = flight.next(at: time) else { return nil }
    flight.sent(attempt(next.index, peer, next.attempts + 1, time), sequence: sequence)
    return next.index
  }

  private func attempt(_ index: Int, _ peer: Int, _ number: Int, _ time: Double) -> Flight.Attempt {
    Flight.Attempt(index: index, peer: peer, byteCount: 100, number: number, sentAt: time, due: time + 1)
  }

  @Test("batches go out in order, and the flight is complete with the last result")
  func order() {
    var flight = Flight(batchCount: 3)
    let sent = (1...4).map { send(&flight, sequence: $0) }
    #expect(sent == [0, 1, 2, nil])
    #expect((flight.underWayCount, flight.underWayByteCount) == (3, 300))
    for sequence: UInt64 in [2, 3, 1] {
      #expect(!flight.isComplete)
      let landed = flight.landed(sequence: sequence)!
      #expect(!landed.wasGivenUp)
      let isFirst = flight.complete(landed.attempt.index)
      #expect(isFirst)
    }
    #expect(flight.isComplete)
    #expect((flight.underWayCount, flight.underWayByteCount) == (0, 0))
  }

  @Test("a late result completes its batch, and that of its successor is nobody's")
  func late() {
    var flight = Flight(batchCount: 1)
    send(&flight, sequence: 1)
    flight.giveUp(at: 1) { _ in true }
    send(&flight, sequence: 2, at: 1)
    let landed = flight.landed(sequence: 1)!
    #expect(landed.wasGivenUp)
    let isFirst = flight.complete(0)
    #expect(isFirst)
    #expect(flight.isComplete)
    let successor = flight.landed(sequence: 2)
    let isFirstAgain = flight.complete(successor!.attempt.index)
    #expect(!isFirstAgain)
    let again = flight.landed(sequence: 2)
    #expect(again == nil)
  }

  @Test("once a batch is done its earlier attempts are forgotten")
  func forgotten() {
    var flight = Flight(batchCount: 1)
    for sequence: UInt64 in 1...10 {
      send(&flight, sequence: sequence)
      flight.giveUp(at: 0) { _ in true }
    }
    send(&flight, sequence: 11)
    _ = flight.landed(sequence: 11)
    _ = flight.complete(0)
    let remembered = (1...10).filter { flight.landed(sequence: $0) != nil }
    #expect(remembered.isEmpty)
  }

  @Test("a batch that is to wait is sent after those that need not, when its time has come")
  func later() {
    var flight = Flight(batchCount: 2)
    send(&flight, sequence: 1)
    flight.retry(flight.landed(sequence: 1)!.attempt, at: 5)
    let sent = [(2, 1), (3, 4.9), (4, 5)].map { send(&flight, sequence: $0, at: $1) }
    #expect(sent == [1, nil, 0])
  }

  @Test("batches under which three connections broke are sent alone, and the one that breaks three more is found")
  func suspects() {
    var flight = Flight(batchCount: 2)
    var sequence: UInt64 = 0
    for _ in 1...Flight.breaksUntilAlone {
      #expect(!flight.hasSuspects)
      for _ in 0..<2 {
        sequence += 1
        send(&flight, sequence: sequence)
      }
      let found = flight.connectionBroke(peer: 0, isReserved: false)
      #expect(found == nil)
      flight.giveUp(at: 0) { _ in true }
    }
    #expect(flight.hasSuspects)
    let beside = flight.next(at: 0)
    #expect(beside == nil)
    // Batch 0 is innocent.
    let first = flight.nextSuspect(at: 0)
    #expect(first?.index == 0)
    _ = flight.complete(0)
    for broken in 1...Flight.loneBreaksUntilFailed {
      let next = flight.nextSuspect(at: 0)!
      #expect(next.index == 1)
      sequence += 1
      flight.sent(attempt(next.index, 0, next.attempts + 1, 0), sequence: sequence)
      let found = flight.connectionBroke(peer: 0, isReserved: true)
      flight.giveUp(at: 0) { _ in true }
      #expect((found != nil) == (broken == Flight.loneBreaksUntilFailed))
      #expect(found.map { $0.attempt.index } ?? 1 == 1)
      #expect(found.map(\.breaks) ?? .init(count: 6, loneCount: 3) == .init(count: 6, loneCount: 3))
    }
  }

  @Test("a connection of another daemon's that breaks is none of a batch's business")
  func elsewhere() {
    var flight = Flight(batchCount: 1)
    for sequence: UInt64 in 1...10 {
      send(&flight, sequence: sequence, peer: 1)
      let found = flight.connectionBroke(peer: 0, isReserved: true)
      #expect(found == nil)
      flight.giveUp(at: 0) { _ in true }
    }
    #expect(!flight.hasSuspects)
  }
}
