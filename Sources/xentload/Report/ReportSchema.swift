/// The JSON Schema that what `--json` prints holds to: `Documentation/xentload.schema.json`.
enum ReportSchema {
  static let name = "xentload.schema.json#1"
}
