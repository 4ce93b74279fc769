/// A page that stands alone: nothing is loaded, so it is seen without a network.
struct Page {
  let title: String
  let subtitle: [String]
  /// What must be known before the figures are: shown apart.
  let warnings: [String]
  /// Figures that are seen at once, and what they are.
  let tiles: [(value: String, label: String)]
  let sections: [String]

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title))</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    <header><h1>\(escaped(title))</h1>\(subtitle.map { "<p>\(escaped($0))</p>" }.joined())</header>
    \(warnings.map { "<p class=\"warning\">\(escaped($0))</p>" }.joined(separator: "\n"))
    <div class="tiles">\(tiles.map { "<div><b>\(escaped($0.value))</b><span>\(escaped($0.label))</span></div>" }.joined())</div>
    \(sections.joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  /// A table of which the first column is left, the others right.
  static func table(_ title: String, _ titles: [String], _ rows: [[String]]) -> String {
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined() + "</tr>"
    }
    return "<div class=\"scroll\"><h2>\(escaped(title))</h2><table><thead>\(row(titles, "th"))</thead><tbody>"
      + rows.map { row($0, "td") }.joined() + "</tbody></table></div>"
  }

  /// Parts of a whole, side by side.
  static func bar(_ title: String, _ explanation: String, _ parts: [(name: String, value: Double)]) -> String {
    let whole = parts.reduce(0) { $0 + max(0, $1.value) }
    guard whole > 0 else { return "" }
    let pieces = parts.enumerated().map { index, part in
      let share = Units.fixed(max(0, part.value) / whole * 100, places: 2)
      return
        "<i class=\"c\(index + 1)\" style=\"width:\(share)%\" title=\"\(escaped(part.name)) \(Units.seconds(part.value))\"></i>"
    }
    let keys = parts.enumerated().map { index, part in
      "<span><i class=\"c\(index + 1)\"></i>\(escaped(part.name)) \(Units.seconds(part.value))</span>"
    }
    return """
      <figure><figcaption><h2>\(escaped(title))</h2><p>\(escaped(explanation))</p></figcaption>
      <div class="bar">\(pieces.joined())</div><div class="legend">\(keys.joined())</div></figure>
      """
  }

  private static let style = """
    :root { --paper: #fbfbfa; --card: #ffffff; --ink: #1c1d1f; --soft: #5f6368; --line: #e4e4e1;
      --c1: #2a6fdb; --c2: #d9730d; --c3: #12897b; --c4: #a23bb5; --warn: #fff4dc; --warnline: #d9a21b; }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #16171a; --card: #1e2024; --ink: #e9eaec; --soft: #9aa0a8; --line: #33363c;
        --c1: #6ea6ff; --c2: #ff9f4a; --c3: #45c4b3; --c4: #d787e6; --warn: #3a3018; --warnline: #d9a21b; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
    main { max-width: 900px; margin: 0 auto; padding: 32px 20px 64px; }
    h1 { font-size: 24px; margin: 0 0 8px; }
    h2 { font-size: 17px; margin: 0; }
    header p, figcaption p { margin: 2px 0; color: var(--soft); }
    .warning { background: var(--warn); border-left: 4px solid var(--warnline); padding: 10px 14px; border-radius: 4px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 24px 0; }
    .tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
    .tiles b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; }
    .tiles span { color: var(--soft); font-size: 13px; }
    figure, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 18px 0; padding: 16px; }
    .scroll { overflow-x: auto; }
    svg { display: block; width: 100%; height: auto; margin-top: 8px; }
    .grid { stroke: var(--line); stroke-width: 1; }
    .base, .notch { stroke: var(--soft); stroke-width: 1; }
    .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 4; }
    .tick { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
    .label { fill: var(--soft); font-size: 12px; stroke: var(--card); stroke-width: 4; paint-order: stroke; }
    .axis { fill: var(--soft); font-size: 12px; }
    .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
    path.c1 { stroke: var(--c1); } path.c2 { stroke: var(--c2); } path.c3 { stroke: var(--c3); } path.c4 { stroke: var(--c4); }
    path.dashed { stroke-dasharray: 6 5; }
    circle.c1 { fill: var(--c1); } circle.c2 { fill: var(--c2); } circle.c3 { fill: var(--c3); } circle.c4 { fill: var(--c4); }
    .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 6px; font-size: 13px; color: var(--soft); }
    .legend span { display: inline-flex; align-items: center; gap: 7px; }
    .legend i { width: 16px; height: 4px; border-radius: 2px; }
    i.c1 { background: var(--c1); } i.c2 { background: var(--c2); } i.c3 { background: var(--c3); } i.c4 { background: var(--c4); }
    .legend i.dashed { background: none; border-top: 2px dashed var(--c2); height: 0; border-radius: 0; }
    .bar { display: flex; height: 26px; border-radius: 5px; overflow: hidden; margin: 12px 0 4px; gap: 2px; }
    .bar i { display: block; min-width: 1px; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
    th { color: var(--soft); font-weight: 500; }
    th:first-child, td:first-child { text-align: left; }
    tr:last-child td { border-bottom: 0; }
    """
}
