// Reads the affinity mask, which processors are threads of one core, and the quotas of control groups.

#include "native/cores.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#ifdef __linux__
#include <sched.h>
#endif

namespace deadlift {
namespace {

// Of the processors, those that are no threads of the same core.
int separate_cores(const std::vector<int>& processors, const std::string& root) {
  std::set<std::string> cores;
  for (const int processor : processors) {
    const std::string name = std::to_string(processor);
    std::string siblings;  // "0,4": the same text for all threads of a core
    std::ifstream(root + "/sys/devices/system/cpu/cpu" + name + "/topology/thread_siblings_list") >> siblings;
    cores.insert(siblings.empty() ? name : siblings);
  }
  return static_cast<int>(cores.size());
}

// Whole processors that one control group grants, 0 where it sets no limit.
int group_quota(const std::string& folder) {
  std::string quota;
  double period = 0;
  std::ifstream(folder + "/cpu.max") >> quota >> period;  // version 2: "200000 100000" or "max 100000"
  if (quota.empty()) {                                    // version 1: -1 for no limit
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  const double allowed = quota.empty() || quota == "max" ? 0 : std::strtod(quota.c_str(), nullptr);
  return allowed > 0 && period > 0 ? std::max(1, static_cast<int>(allowed / period)) : 0;
}

// The tightest quota from a control group up to the root of its hierarchy, 0 where there is none. In a container the
// path may be the host's, of which only the end of the walk is there: the container's own group.
int path_quota(const std::string& hierarchy, std::string path) {
  int cores = 0;
  for (;;) {
    const int quota = group_quota(hierarchy + path);
    if (quota > 0) cores = cores == 0 ? quota : std::min(cores, quota);
    if (path.empty()) return cores;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

// The tightest quota of this process, 0 where there is none.
int granted_cores(const std::string& root) {
  int cores = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const bool unified = names.empty();
    if (!unified && ("," + names + ",").find(",cpu,") == std::string::npos) continue;
    const int quota = path_quota(root + "/sys/fs/cgroup" + (unified ? "" : "/cpu"), line.substr(second + 1));
    if (quota > 0) cores = cores == 0 ? quota : std::min(cores, quota);
  }
  return cores;
}

}  // namespace

std::vector<int> allowed_processors() {
  std::vector<int> processors;
#ifdef __linux__
  // The kernel refuses a mask that is shorter than its own.
  for (int most = 1024; most <= 1 << 16 && processors.empty(); most *= 2) {
    cpu_set_t* const set = CPU_ALLOC(most);
    const size_t bytes = CPU_ALLOC_SIZE(most);
    if (set && sched_getaffinity(0, bytes, set) == 0) {
      for (int i = 0; i < most; i++)
        if (CPU_ISSET_S(i, bytes, set)) processors.push_back(i);
    }
    CPU_FREE(set);
  }
#endif
  return processors;
}

int count_cores(const std::vector<int>& processors, const std::string& root) {
  const int cores = separate_cores(processors, root), granted = granted_cores(root);
  return granted > 0 ? std::min(cores, granted) : cores;
}

}  // namespace deadlift
