/// Lines over two axes, as an inline SVG picture.
struct Chart {
  struct Series {
    let name: String
    /// Which of the page's colours.
    let color: Int
    let points: [(x: Double, y: Double)]
    var isDashed = false
    /// Whether each point has a dot that tells its values.
    var hasDots = false
  }

  /// A value that is marked across the chart.
  struct Mark {
    enum Direction { case horizontal, vertical }
    let value: Double
    let direction: Direction
    let label: String
  }

  let title: String
  let explanation: String
  let x: Axis
  let y: Axis
  let series: [Series]
  var marks: [Mark] = []

  private static let size = (width: 760.0, height: 320.0)
  private static let frame = (left: 78.0, right: 18.0, top: 14.0, bottom: 46.0)

  /// A figure with its title, its legend and the picture.
  var html: String {
    """
    <figure>
    <figcaption><h2>\(escaped(title))</h2><p>\(escaped(explanation))</p>\(legend)</figcaption>
    <svg viewBox="0 0 \(Int(Self.size.width)) \(Int(Self.size.height))" role="img" aria-label="\(escaped(title))">
    \(grid)
    \(series.map(curve).joined(separator: "\n"))
    \(marks.compactMap(markLine).joined(separator: "\n"))
    </svg>
    </figure>
    """
  }

  private var legend: String {
    guard series.count > 1 else { return "" }
    let keys = series.map {
      "<span><i class=\"c\($0.color)\($0.isDashed ? " dashed" : "")\"></i>\(escaped($0.name))</span>"
    }
    return "<div class=\"legend\">\(keys.joined())</div>"
  }

  private func horizontal(_ value: Double) -> Double? {
    x.place(value).map { Self.frame.left + $0 * (Self.size.width - Self.frame.left - Self.frame.right) }
  }

  private func vertical(_ value: Double) -> Double? {
    y.place(value).map {
      Self.size.height - Self.frame.bottom - $0 * (Self.size.height - Self.frame.top - Self.frame.bottom)
    }
  }

  private var grid: String {
    let (left, right) = (Self.frame.left, Self.size.width - Self.frame.right)
    let (top, bottom) = (Self.frame.top, Self.size.height - Self.frame.bottom)
    let rows = y.ticks.compactMap { tick in
      vertical(tick).map {
        "<line class=\"grid\" x1=\"\(fixed(left))\" x2=\"\(fixed(right))\" y1=\"\(fixed($0))\" y2=\"\(fixed($0))\"/>"
          + "<text class=\"tick\" text-anchor=\"end\" x=\"\(fixed(left - 8))\" y=\"\(fixed($0 + 4))\">\(escaped(y.format(tick)))</text>"
      }
    }
    let columns = x.ticks.compactMap { tick in
      horizontal(tick).map {
        "<line class=\"notch\" x1=\"\(fixed($0))\" x2=\"\(fixed($0))\" y1=\"\(fixed(bottom))\" y2=\"\(fixed(bottom + 5))\"/>"
          + "<text class=\"tick\" text-anchor=\"middle\" x=\"\(fixed($0))\" y=\"\(fixed(bottom + 19))\">\(escaped(x.format(tick)))</text>"
      }
    }
    let titles = """
      <line class="base" x1="\(fixed(left))" x2="\(fixed(right))" y1="\(fixed(bottom))" y2="\(fixed(bottom))"/>
      <text class="axis" text-anchor="middle" x="\(fixed((left + right) / 2))" y="\(fixed(bottom + 38))">\(escaped(x.title))</text>
      <text class="axis" text-anchor="middle" transform="translate(14 \(fixed((top + bottom) / 2))) rotate(-90)">\(escaped(y.title))</text>
      """
    return (rows + columns + [titles]).joined(separator: "\n")
  }

  private func curve(_ series: Series) -> String {
    let places = series.points.compactMap { point -> (x: Double, y: Double, label: String)? in
      guard let across = horizontal(point.x), let up = vertical(point.y) else { return nil }
      return (across, up, "\(series.name): \(y.format(point.y)) at \(x.format(point.x))")
    }
    let steps = places.enumerated().map { "\($0 == 0 ? "M" : "L")\(fixed($1.x)) \(fixed($1.y))" }
    let style = "curve c\(series.color)\(series.isDashed ? " dashed" : "")"
    var svg = "<path class=\"\(style)\" data-name=\"\(escaped(series.name))\" d=\"\(steps.joined())\"/>"
    if series.hasDots {
      svg += places.map {
        "<circle class=\"c\(series.color)\" cx=\"\(fixed($0.x))\" cy=\"\(fixed($0.y))\" r=\"3.5\"><title>\(escaped($0.label))</title></circle>"
      }.joined()
    }
    return svg
  }

  private func markLine(_ mark: Mark) -> String? {
    let (left, right) = (Self.frame.left, Self.size.width - Self.frame.right)
    let (top, bottom) = (Self.frame.top, Self.size.height - Self.frame.bottom)
    let axis = mark.direction == .horizontal ? y : x
    guard axis.range.contains(mark.value) else { return nil }
    switch mark.direction {
    case .horizontal:
      return vertical(mark.value).map {
        "<line class=\"mark\" x1=\"\(fixed(left))\" x2=\"\(fixed(right))\" y1=\"\(fixed($0))\" y2=\"\(fixed($0))\"/>"
          + "<text class=\"label\" x=\"\(fixed(left + 6))\" y=\"\(fixed($0 - 5))\">\(escaped(mark.label))</text>"
      }
    case .vertical:
      return horizontal(mark.value).map {
        let isRight = $0 > (left + right) / 2
        return
          "<line class=\"mark\" x1=\"\(fixed($0))\" x2=\"\(fixed($0))\" y1=\"\(fixed(top))\" y2=\"\(fixed(bottom))\"/>"
          + "<text class=\"label\" text-anchor=\"\(isRight ? "end" : "start")\" x=\"\(fixed($0 + (isRight ? -6 : 6)))\" "
          + "y=\"\(fixed(top + 10))\">\(escaped(mark.label))</text>"
      }
    }
  }

  private func fixed(_ value: Double) -> String { Units.fixed(value, places: 1) }
}

/// Text as HTML and SVG show it.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}
