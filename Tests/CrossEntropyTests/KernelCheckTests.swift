import Testing

@testable import CrossEntropy

@Suite("Self-check")
struct KernelCheckTests {
  @Test("every kernel that this machine can run passes its own check", arguments: kernels)
  func passes(kernel: Kernel) {
    for finding in KernelCheck(kernel).run() { #expect(finding.isGood, "\(finding.name): \(finding.detail)") }
  }

  @Test("a kernel without fused multiply-adds that claims to have them is found out")
  func foundOut() {
    let liar = Kernel(
      name: "liar", instructions: "", fusesMultiplyAdds: true, summarizeRows: Kernel.baseline.summarizeRows,
      summarizeBlocks: Kernel.baseline.summarizeBlocks, foldBlocks: Kernel.baseline.foldBlocks,
      readClasses: Kernel.baseline.readClasses, finishOrdinaryRows: Kernel.baseline.finishOrdinaryRows,
      scanOneHot: Kernel.baseline.scanOneHot, findOneHotClasses: Kernel.baseline.findOneHotClasses,
      sumClasses: Kernel.baseline.sumClasses, sumClassesOfRows: Kernel.baseline.sumClassesOfRows,
      hasFewerGreater: Kernel.baseline.hasFewerGreater,
      countNarrowRows: Kernel.baseline.countNarrowRows, transformed: Kernel.baseline.transformed, isSupported: true)
    #if arch(x86_64)
      #expect(KernelCheck(liar).run().contains { $0.name == "known bits" && !$0.isGood })
    #endif
  }

  @Test("a kernel that is off in one row's last place is found out")
  func inaccurate() {
    let honest = Kernel.best
    let broken = Kernel(
      name: "broken", instructions: "", fusesMultiplyAdds: true,
      summarizeRows: {
        logits, format, rowCount, classCount, transform, classes, leavesOut, blocks, scratch, summaries in
        honest.summarizeRows(
          logits, format, rowCount, classCount, transform, classes, leavesOut, blocks, scratch, summaries)
        if classCount == 17 { summaries.logSums[0] *= 1 + 0x1p-21 }
      },
      summarizeBlocks: honest.summarizeBlocks, foldBlocks: honest.foldBlocks,
      readClasses: honest.readClasses, finishOrdinaryRows: honest.finishOrdinaryRows, scanOneHot: honest.scanOneHot,
      findOneHotClasses: honest.findOneHotClasses, sumClasses: honest.sumClasses,
      sumClassesOfRows: honest.sumClassesOfRows,
      hasFewerGreater: honest.hasFewerGreater,
      countNarrowRows: honest.countNarrowRows, transformed: honest.transformed, isSupported: true)
    #expect(KernelCheck(broken).run().contains { $0.name == "accuracy of f32" && !$0.isGood })
  }

  @Test("a kernel that is wrong only where an option is asked for is found out")
  func wrongOption() {
    let honest = Kernel.best
    let broken = Kernel(
      name: "broken", instructions: "", fusesMultiplyAdds: true, summarizeRows: honest.summarizeRows,
      summarizeBlocks: honest.summarizeBlocks, foldBlocks: honest.foldBlocks, readClasses: honest.readClasses,
      finishOrdinaryRows: honest.finishOrdinaryRows, scanOneHot: honest.scanOneHot,
      findOneHotClasses: honest.findOneHotClasses, sumClasses: honest.sumClasses,
      sumClassesOfRows: honest.sumClassesOfRows,
      hasFewerGreater: { count, value, row, format, classCount in
        honest.hasFewerGreater(classCount == 2049 ? 2 * count : count, value, row, format, classCount)
      },
      countNarrowRows: honest.countNarrowRows, transformed: honest.transformed, isSupported: true)
    let bad = KernelCheck(broken).run().filter { !$0.isGood }
    #expect(bad.map(\.name) == ["known bits of every type and option"])
  }
}
