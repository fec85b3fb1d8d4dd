// Reads CPUID, or asks the operating system on ARM.

#include "native/cpu_features.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <thread>

#include "kernels/cpu/kernels.h"
#include "native/cores.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

#include <fstream>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace deadlift {
namespace {

#if defined(__x86_64__)

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r{};
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

// Which register states the operating system saves (xgetbv register 0).
uint64_t enabled_states() {
  if (!(cpuid(1).ecx >> 27 & 1)) return 0;  // no OSXSAVE
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

std::string vendor_name() {
  const Registers r = cpuid(0);
  char name[13] = {};
  std::memcpy(name, &r.ebx, 4);
  std::memcpy(name + 4, &r.edx, 4);
  std::memcpy(name + 8, &r.ecx, 4);
  return name;
}

std::string brand_name() {
  char name[49] = {};
  for (uint32_t i = 0; i < 3; i++) {
    const Registers r = cpuid(0x80000002u + i);
    std::memcpy(name + 16 * i, &r, 16);
  }
  const std::string text(name);
  const size_t start = text.find_first_not_of(' ');
  return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(' ') - start + 1);
}

std::vector<std::string> find_features() {
  const uint64_t states = enabled_states();
  const bool ymm = (states & 0x6) == 0x6;
  const bool zmm = ymm && (states & 0xe0) == 0xe0;
  const bool tiles = (states & 0x60000) == 0x60000;
  const Registers one = cpuid(1), seven = cpuid(7), seven_one = cpuid(7, 1);
  struct {
    const char* name;
    bool enabled;
    uint32_t word;
    int bit;
  } const table[] = {
      // Intel SDM volume 2A, CPUID; AMD APM volume 3.
      {"sse4_2", true, one.ecx, 20},
      {"f16c", ymm, one.ecx, 29},
      {"fma", ymm, one.ecx, 12},
      {"avx", ymm, one.ecx, 28},
      {"avx2", ymm, seven.ebx, 5},
      {"avx_vnni", ymm, seven_one.eax, 4},
      {"avx512f", zmm, seven.ebx, 16},
      {"avx512dq", zmm, seven.ebx, 17},
      {"avx512bw", zmm, seven.ebx, 30},
      {"avx512vl", zmm, seven.ebx, 31},
      {"avx512_vbmi", zmm, seven.ecx, 1},
      {"avx512_vnni", zmm, seven.ecx, 11},
      {"avx512_bf16", zmm, seven_one.eax, 5},
      {"avx512_fp16", zmm, seven.edx, 23},
      {"amx_tile", tiles, seven.edx, 24},
      {"amx_bf16", tiles, seven.edx, 22},
      {"amx_int8", tiles, seven.edx, 25},
  };
  std::vector<std::string> found;
  for (const auto& [name, enabled, word, bit] : table)
    if (enabled && (word >> bit & 1)) found.emplace_back(name);
  return found;
}

#elif defined(__aarch64__) && defined(__linux__)

// The main identification register of the first processor, 0 where the kernel does not show it.
uint64_t main_id() {
  uint64_t id = 0;
  std::ifstream("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1") >> std::hex >> id;
  return id;
}

struct Named {
  uint32_t code;
  const char* name;
};

template <size_t n>
std::string name_of(const Named (&table)[n], uint32_t code) {
  for (const auto& [known, name] : table)
    if (known == code) return name;
  return "unknown";
}

// Arm Architecture Reference Manual, MIDR_EL1.
std::string vendor_name() {
  constexpr Named table[] = {{0x41, "Arm"},      {0x48, "HiSilicon"}, {0x4e, "NVIDIA"},
                             {0x51, "Qualcomm"}, {0x61, "Apple"},     {0xc0, "Ampere"}};
  return name_of(table, main_id() >> 24 & 0xff);
}

// The cores of Arm, which others build into their processors.
std::string brand_name() {
  constexpr Named table[] = {{0xd03, "Cortex-A53"},  {0xd08, "Cortex-A72"},  {0xd0b, "Cortex-A76"},
                             {0xd0c, "Neoverse N1"}, {0xd40, "Neoverse V1"}, {0xd49, "Neoverse N2"},
                             {0xd4f, "Neoverse V2"}, {0xd83, "Neoverse V3"}, {0xd8e, "Neoverse N3"}};
  return main_id() >> 24 == 0x41 ? name_of(table, main_id() >> 4 & 0xfff) : "unknown";
}

std::vector<std::string> find_features() {
  const uint64_t one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
  struct {
    const char* name;
    uint64_t word;
    int bit;
  } const table[] = {
      // Linux, arch/arm64/include/uapi/asm/hwcap.h; names as in /proc/cpuinfo.
      {"asimd", one, 1}, {"asimdhp", one, 10}, {"asimddp", one, 20}, {"sve", one, 22},
      {"sve2", two, 1},  {"i8mm", two, 13},    {"bf16", two, 14},    {"sme", two, 23},
  };
  std::vector<std::string> found;
  for (const auto& [name, word, bit] : table)
    if (word >> bit & 1) found.emplace_back(name);
  return found;
}

#elif defined(__aarch64__) && defined(__APPLE__)

std::string vendor_name() { return "Apple"; }

std::string brand_name() {
  char name[64] = {};
  size_t size = sizeof name - 1;
  return sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0 ? name : "unknown";
}

std::vector<std::string> find_features() {
  struct {
    const char* name;
    const char* key;
  } const table[] = {
      // Named as Linux does.
      {"asimdhp", "hw.optional.arm.FEAT_FP16"}, {"asimddp", "hw.optional.arm.FEAT_DotProd"},
      {"i8mm", "hw.optional.arm.FEAT_I8MM"},    {"bf16", "hw.optional.arm.FEAT_BF16"},
      {"sme", "hw.optional.arm.FEAT_SME"},
  };
  std::vector<std::string> found = {"asimd"};  // part of AArch64
  for (const auto& [name, key] : table) {
    int has = 0;
    size_t size = sizeof has;
    if (sysctlbyname(key, &has, &size, nullptr, 0) == 0 && has) found.emplace_back(name);
  }
  return found;
}

#else

std::string vendor_name() { return "unknown"; }
std::string brand_name() { return "unknown"; }
std::vector<std::string> find_features() { return {}; }

#endif

int usable_cores() {
  const std::vector<int> processors = allowed_processors();
  const auto all = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(processors.empty() ? all : count_cores(processors), 1);
}

// Linux gives the state of tiles to processes that asked for it (Documentation/arch/x86/xstate.rst), with all their
// threads.
bool may_use_tiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr int request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

bool runs_here(const Kernels& kernels) {
  const auto& features = cpu_info().features;
  std::istringstream needs(kernels.needs);
  for (std::string name; needs >> name;) {
    if (std::find(features.begin(), features.end(), name) == features.end()) return false;
    if (name == "amx_tile" && !may_use_tiles()) return false;
  }
  return !kernels.works || kernels.works();
}

std::vector<const Kernels*> find_available() {
  std::vector<const Kernels*> available;
  for (const Kernels* const* kernels = all_kernels(); *kernels; ++kernels) {
    if (runs_here(**kernels)) available.push_back(*kernels);
  }
  return available;
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo info{vendor_name(), brand_name(), find_features(), usable_cores()};
  return info;
}

std::vector<const Kernels*> available_kernels() {
  static const std::vector<const Kernels*> available = find_available();
  return available;
}

const Kernels* find_kernels(const std::string& isa) {
  for (const Kernels* kernels : available_kernels()) {
    if (isa == kernels->isa) return kernels;
  }
  return nullptr;
}

}  // namespace deadlift
