import ZeroMQ

/// A socket of a lane, whatever its type.
protocol OpensEndpoints: ~Copyable {
  mutating func bind(to address: String) throws(ZeroMQError)
  mutating func connect(to address: String) throws(ZeroMQError)
}

extension PullSocket: OpensEndpoints {}
extension PushSocket: OpensEndpoints {}
extension RouterSocket: OpensEndpoints {}

extension OpensEndpoints where Self: ~Copyable {
  mutating func open(_ endpoints: [EndpointConfiguration]) throws(ZeroMQError) {
    for endpoint in endpoints {
      switch endpoint.role {
      case .bind: try bind(to: endpoint.address)
      case .connect: try connect(to: endpoint.address)
      }
    }
  }
}
