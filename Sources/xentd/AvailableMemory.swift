import Glibc

/// How much memory the process may take where nobody says: half of what there is, and no more than 4 GiB.
func defaultMemoryByteLimit() -> Int { min(4 << 30, availableMemoryByteCount() / 2) }

/// The memory of the machine, or of the control group where that has less. Needs no `/proc/meminfo`, which a service may not
/// see.
func availableMemoryByteCount(
  root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup"
) -> Int {
  let limits =
    ControlGroup.values(of: "memory.max", root: root, membership: membership)
    + ControlGroup.values(
      of: "memory.limit_in_bytes", controller: "memory", root: root, membership: membership)
  // `max` and what is past all memory stand for no limit.
  return limits.compactMap { Int($0) }.reduce(machineByteCount()) { min($0, $1) }
}

private func machineByteCount() -> Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
