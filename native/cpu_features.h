// What this processor can do and how much of it this process may use.

#pragma once

#include <string>
#include <vector>

namespace deadlift {

struct Kernels;

struct CpuInfo {
  std::string vendor;
  std::string brand;
  std::vector<std::string> features;  // that processor and operating system both support
  int cores;                          // see native/cores.h
};

const CpuInfo& cpu_info();

// Kernels of this build that this machine runs, slowest first.
std::vector<const Kernels*> available_kernels();

// The one of them with this name, or null.
const Kernels* find_kernels(const std::string& isa);

}  // namespace deadlift
