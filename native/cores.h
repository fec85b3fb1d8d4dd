// How many cores this process may use.

#pragma once

#include <string>
#include <vector>

namespace deadlift {

// Processors that the affinity mask of this process names; empty where the system has none.
std::vector<int> allowed_processors();

// Cores of these processors, as many as the control groups of this process grant: threads that share a core count once,
// as they share what computes. `root` is what lies before /proc and /sys: another folder in tests.
int count_cores(const std::vector<int>& processors, const std::string& root = "");

}  // namespace deadlift
