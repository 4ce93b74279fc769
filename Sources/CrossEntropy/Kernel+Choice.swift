import CKernelShims
import CrossEntropyKernels

#if arch(x86_64)
  import CrossEntropyKernelsAVX2
  import CrossEntropyKernelsAVX512
#endif

extension Kernel {
  #if arch(x86_64)
    /// All kernels of this architecture, the fastest first. Those with fused multiply-adds give the same bits.
    package static let all = [avx512, avx2, baseline]

    package static let baseline = Kernel(
      name: "baseline", instructions: "x86-64 (SSE2)", fusesMultiplyAdds: false,
      summarizeRows: CrossEntropyKernels.summarizeRows,
      summarizeBlocks: CrossEntropyKernels.summarizeBlocks, foldBlocks: CrossEntropyKernels.foldBlocks,
      readClasses: CrossEntropyKernels.readClasses, finishOrdinaryRows: CrossEntropyKernels.finishOrdinaryRows,
      scanOneHot: CrossEntropyKernels.scanOneHot, findOneHotClasses: CrossEntropyKernels.findOneHotClasses,
      sumClasses: CrossEntropyKernels.sumClasses, sumClassesOfRows: CrossEntropyKernels.sumClassesOfRows,
      hasFewerGreater: CrossEntropyKernels.hasFewer, countNarrowRows: CrossEntropyKernels.countNarrowRows,
      transformed: CrossEntropyKernels.transformed, isSupported: true)

    package static let avx2 = Kernel(
      name: "avx2", instructions: "AVX2, FMA, F16C", fusesMultiplyAdds: true,
      summarizeRows: CrossEntropyKernelsAVX2.summarizeRows,
      summarizeBlocks: CrossEntropyKernelsAVX2.summarizeBlocks, foldBlocks: CrossEntropyKernelsAVX2.foldBlocks,
      readClasses: CrossEntropyKernelsAVX2.readClasses, finishOrdinaryRows: CrossEntropyKernelsAVX2.finishOrdinaryRows,
      scanOneHot: CrossEntropyKernelsAVX2.scanOneHot, findOneHotClasses: CrossEntropyKernelsAVX2.findOneHotClasses,
      sumClasses: CrossEntropyKernelsAVX2.sumClasses, sumClassesOfRows: CrossEntropyKernelsAVX2.sumClassesOfRows,
      hasFewerGreater: CrossEntropyKernelsAVX2.hasFewer, countNarrowRows: CrossEntropyKernelsAVX2.countNarrowRows,
      transformed: CrossEntropyKernelsAVX2.transformed, isSupported: cpuHasAVX2())

    package static let avx512 = Kernel(
      name: "avx512", instructions: "AVX-512 F, VL, DQ, BW", fusesMultiplyAdds: true,
      summarizeRows: CrossEntropyKernelsAVX512.summarizeRows,
      summarizeBlocks: CrossEntropyKernelsAVX512.summarizeBlocks, foldBlocks: CrossEntropyKernelsAVX512.foldBlocks,
      readClasses: CrossEntropyKernelsAVX512.readClasses,
      finishOrdinaryRows: CrossEntropyKernelsAVX512.finishOrdinaryRows,
      scanOneHot: CrossEntropyKernelsAVX512.scanOneHot, findOneHotClasses: CrossEntropyKernelsAVX512.findOneHotClasses,
      sumClasses: CrossEntropyKernelsAVX512.sumClasses, sumClassesOfRows: CrossEntropyKernelsAVX512.sumClassesOfRows,
      hasFewerGreater: CrossEntropyKernelsAVX512.hasFewer, countNarrowRows: CrossEntropyKernelsAVX512.countNarrowRows,
      transformed: CrossEntropyKernelsAVX512.transformed, isSupported: cpuHasAVX512())
  #else
    /// All kernels of this architecture.
    package static let all = [baseline]

    package static let baseline = Kernel(
      name: "neon", instructions: "arm64 (NEON)", fusesMultiplyAdds: true,
      summarizeRows: CrossEntropyKernels.summarizeRows,
      summarizeBlocks: CrossEntropyKernels.summarizeBlocks, foldBlocks: CrossEntropyKernels.foldBlocks,
      readClasses: CrossEntropyKernels.readClasses, finishOrdinaryRows: CrossEntropyKernels.finishOrdinaryRows,
      scanOneHot: CrossEntropyKernels.scanOneHot, findOneHotClasses: CrossEntropyKernels.findOneHotClasses,
      sumClasses: CrossEntropyKernels.sumClasses, sumClassesOfRows: CrossEntropyKernels.sumClassesOfRows,
      hasFewerGreater: CrossEntropyKernels.hasFewer, countNarrowRows: CrossEntropyKernels.countNarrowRows,
      transformed: CrossEntropyKernels.transformed, isSupported: true)
  #endif

  /// The fastest kernel that this machine can run.
  package static var best: Kernel { all.first { $0.isSupported } ?? baseline }

  /// The kernel of this name, if this machine can run it.
  package static func named(_ name: String) throws(KernelError) -> Kernel {
    guard let kernel = all.first(where: { $0.name == name }) else {
      throw KernelError(
        description: "kernel: expected \(all.map { $0.name }.joined(separator: ", ")), received \(name)")
    }
    guard kernel.isSupported else {
      throw KernelError(
        description: "kernel: this machine cannot run \(name), which needs \(kernel.instructions); it can run "
          + all.filter { $0.isSupported }.map { $0.name }.joined(separator: ", "))
    }
    return kernel
  }
}

/// Why a kernel cannot be used.
package struct KernelError: Error, CustomStringConvertible {
  package let description: String
}
