// swift-tools-version: 6.2

import PackageDescription

/// CI sets this; elsewhere a newer compiler's new warning should not stop anybody.
let warnsStrictly = Context.environment["XENTD_WARNINGS_AS_ERRORS"] != nil

let common: [SwiftSetting] =
  [.swiftLanguageMode(.v6)] + (warnsStrictly ? [.treatAllWarnings(as: .error)] : [])

/// Kernels are optimised in debug builds too: without it, vector code is a hundred times slower.
let kernel: [SwiftSetting] = common + [.unsafeFlags(["-O"])]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "xentd",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .target(name: "ZeroMQ", dependencies: ["CZeroMQ"], swiftSettings: common),
    .target(name: "CKernelShims"),
    .target(name: "CrossEntropyKernels", dependencies: ["CKernelShims"], swiftSettings: kernel),
    .target(name: "CrossEntropy", dependencies: ["CKernelShims", "CrossEntropyKernels"], swiftSettings: common),
    .target(name: "XentProtocol", swiftSettings: common),
    .target(
      name: "XentService", dependencies: ["ZeroMQ", "CrossEntropy", "XentProtocol", deque, logging],
      swiftSettings: common),
    .target(name: "XentClient", dependencies: ["ZeroMQ", "XentProtocol"], swiftSettings: common),
    .executableTarget(
      name: "xent", dependencies: ["XentClient", "XentProtocol", "ZeroMQ", argumentParser], swiftSettings: common),
    .executableTarget(
      name: "xentd",
      dependencies: ["XentService", "XentProtocol", "CrossEntropy", "ZeroMQ", argumentParser, logging, yams],
      swiftSettings: common),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
    .testTarget(name: "ZeroMQTests", dependencies: ["ZeroMQ"], swiftSettings: common),
    .testTarget(name: "XentProtocolTests", dependencies: ["XentProtocol", "TestSupport"], swiftSettings: common),
    .testTarget(
      name: "CrossEntropyTests", dependencies: ["CrossEntropy", "CrossEntropyKernels", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "XentServiceTests", dependencies: ["XentService", "XentProtocol", "CrossEntropy", "TestSupport"],
      swiftSettings: common),
  ]
)
