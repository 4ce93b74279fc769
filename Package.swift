// swift-tools-version: 6.2

import PackageDescription

/// CI sets this; elsewhere a newer compiler's new warning should not stop anybody.
let warnsStrictly = Context.environment["XENTD_WARNINGS_AS_ERRORS"] != nil

let common: [SwiftSetting] =
  [.swiftLanguageMode(.v6)] + (warnsStrictly ? [.treatAllWarnings(as: .error)] : [])

/// Kernels are optimised in debug builds too: without it, vector code is a hundred times slower.
let kernel: [SwiftSetting] = common + [.unsafeFlags(["-O"])]

/// The same sources as the baseline kernels, compiled for CPUs that have more: the folders are symbolic links.
func kernelTarget(_ name: String, features: [String]) -> Target {
  let flags = features.flatMap { ["-Xcc", "-m" + $0] }
  return .target(
    name: name, dependencies: ["CKernelShims"],
    swiftSettings: kernel + [.define("KERNEL_FMA"), .unsafeFlags(flags)])
}

#if arch(x86_64)
  let avx2 = ["avx2", "fma", "f16c"]
  let kernelTargets = [
    Target.target(name: "CrossEntropyKernels", dependencies: ["CKernelShims"], swiftSettings: kernel),
    kernelTarget("CrossEntropyKernelsAVX2", features: avx2),
    kernelTarget("CrossEntropyKernelsAVX512", features: avx2 + ["avx512f", "avx512vl", "avx512dq", "avx512bw"]),
  ]
#else
  // Every arm64 CPU has fused multiply-adds.
  let kernelTargets = [kernelTarget("CrossEntropyKernels", features: [])]
#endif

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nio = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { Target.Dependency.product(name: $0, package: "swift-nio") }
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
  name: "xentd",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: kernelTargets + [
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .target(name: "ZeroMQ", dependencies: ["CZeroMQ"], swiftSettings: common),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .target(name: "YAML", dependencies: ["CYAML"], swiftSettings: common),
    .target(name: "CKernelShims"),
    .target(
      name: "CrossEntropy", dependencies: ["CKernelShims"] + kernelTargets.map { .target(name: $0.name) },
      swiftSettings: common),
    .target(name: "XentProtocol", swiftSettings: common),
    .target(
      name: "XentService", dependencies: ["ZeroMQ", "CrossEntropy", "XentProtocol", "CMalloc", deque, logging],
      swiftSettings: common),
    .target(name: "MonitoringHTTP", dependencies: nio, swiftSettings: common),
    .target(name: "XentClient", dependencies: ["ZeroMQ", "XentProtocol"], swiftSettings: common),
    .target(name: "EvaluationData", dependencies: ["XentClient", "XentProtocol"], swiftSettings: common),
    .executableTarget(
      name: "xent", dependencies: ["EvaluationData", "XentClient", "XentProtocol", "ZeroMQ", argumentParser],
      swiftSettings: common),
    .executableTarget(
      name: "xentd",
      dependencies: [
        "XentService", "XentProtocol", "CrossEntropy", "ZeroMQ", "MonitoringHTTP", "YAML", argumentParser, logging,
      ],
      swiftSettings: common),
    .target(name: "CLinux"),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .executableTarget(
      name: "xentload",
      dependencies: [
        "CLinux", "CrossEntropy", "CZlib", "EvaluationData", "XentClient", "XentProtocol", "YAML", "ZeroMQ",
        argumentParser, histogram,
      ],
      swiftSettings: common),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
    .testTarget(name: "ZeroMQTests", dependencies: ["ZeroMQ"], swiftSettings: common),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"], swiftSettings: common),
    .testTarget(name: "XentProtocolTests", dependencies: ["XentProtocol", "TestSupport"], swiftSettings: common),
    .testTarget(
      name: "CrossEntropyTests", dependencies: ["CrossEntropy", "CrossEntropyKernels", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "XentServiceTests", dependencies: ["XentService", "XentProtocol", "CrossEntropy", "ZeroMQ", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "XentClientTests", dependencies: ["XentClient", "XentProtocol", "ZeroMQ", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "xentloadTests", dependencies: ["xentload", "XentProtocol", "TestSupport", histogram],
      swiftSettings: common),
    .testTarget(name: "xentdTests", dependencies: ["xentd", "XentService"], swiftSettings: common),
  ]
)
