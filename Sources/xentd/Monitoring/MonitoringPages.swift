import MonitoringHTTP
import XentService

/// Which page answers which path.
struct MonitoringPages: Sendable {
  let metrics: ServiceMetrics
  let identity: ServiceIdentity
  let health: Health

  func answer(_ question: HTTPQuestion) -> HTTPAnswer {
    switch question.path {
    case "/metrics":
      let format = MetricsText.Format(accept: question.accept)
      return HTTPAnswer(
        contentType: format.contentType, body: MetricsPage.render(metrics, identity, health, as: format))
    case "/livez": return verdict(problems: health.stall.map { [$0] } ?? [], good: "alive")
    case "/readyz": return verdict(problems: health.problems, good: "ready")
    case "/status":
      let page = StatusPage(metrics: metrics, identity: identity, health: health)
      return HTTPAnswer(contentType: "application/json", body: Array((page.json.text + "\n").utf8))
    case "/": return HTTPAnswer(text: index)
    default: return HTTPAnswer(status: 404, text: "\(question.path): not here\n\(index)")
    }
  }

  private func verdict(problems: [String], good: String) -> HTTPAnswer {
    guard problems.isEmpty else {
      return HTTPAnswer(status: 503, text: problems.map { "not \(good): \($0)\n" }.joined())
    }
    return HTTPAnswer(text: "\(good)\n")
  }

  private var index: String {
    """
    xentd \(identity.engine.version)
    /metrics  for Prometheus: text, or OpenMetrics by the header Accept
    /livez    200 while the loop turns, else 503
    /readyz   200 while batches are taken and the self-test passes, else 503
    /status   everything, as JSON

    """
  }
}
