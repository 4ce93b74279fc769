import Glibc

/// The self-check of `xentd --self-check`, alone.
@main
struct SelfCheck {
  static func main() {
    let kernel = Kernel.best
    let findings = KernelCheck(kernel).run()
    for finding in findings {
      write("\(kernel.name): \(finding.name): \(finding.isGood ? "good" : "NOT GOOD"): \(finding.detail)\n")
    }
    exit(findings.allSatisfy { $0.isGood } ? 0 : 1)
  }

  private static func write(_ text: String) {
    for byte in text.utf8 { putchar(Int32(byte)) }
  }
}
