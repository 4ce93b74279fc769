import XentProtocol

/// What `xentload ceiling` prints.
struct CeilingReport {
  let ceilings: [Ceiling]

  var text: String {
    var table = TextTable(["request", "one way", "", "with a reply", ""])
    for ceiling in ceilings {
      let size = Double(ceiling.requestByteCount)
      table.add([
        Units.bytes(size), "\(Units.count(ceiling.oneWay)) messages/s", "\(Units.bytes(ceiling.oneWay * size))/s",
        "\(Units.count(ceiling.echo)) messages/s", "\(Units.bytes(ceiling.echo * size))/s",
      ])
    }
    guard let first = ceilings.first else { return "" }
    return "libzmq alone over \(first.transport.rawValue)://, replies of \(first.replyByteCount) B, "
      + "\(first.window) in flight, medians of \(first.oneWayRates.count)\n" + table.text
  }

  var json: JSON {
    .object([
      ("kind", .string("ceiling")), ("schema", .string(ReportSchema.name)),
      ("ceilings", .array(ceilings.map(\.json))),
    ])
  }
}

extension Ceiling {
  var json: JSON {
    .object([
      ("transport", .string(transport.rawValue)), ("request_bytes", .integer(requestByteCount)),
      ("reply_bytes", .integer(replyByteCount)), ("window", .integer(window)),
      ("one_way_messages_per_second", .number(oneWay)), ("echo_messages_per_second", .number(echo)),
      ("one_way_rounds", .array(oneWayRates.map(JSON.number))), ("echo_rounds", .array(echoRates.map(JSON.number))),
    ])
  }
}
