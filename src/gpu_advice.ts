// What to do where a GPU is there and cannot be used. A machine without one has no problem.

import type { ProbeResult } from "./backends/webgpu/ask_probe.js";
import type { GpuSigns } from "./backends/webgpu/driver_places.js";

export interface Problem {
  readonly problem: string;
  readonly advice: string;
}

const packageAdvice: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/Cannot find package|ERR_MODULE_NOT_FOUND/, "install it beside deadlift: npm install webgpu"],
  [
    /GLIBC(XX)?_[\d.]+' not found|libstdc\+\+/,
    "Dawn needs glibc 2.34 and the libstdc++ of GCC 12: use Debian 12, Ubuntu 22.04, or what is newer",
  ],
  [
    /ld-linux|Error loading shared library|Error relocating|symbol not found/,
    "Dawn needs glibc: use an image of Debian 12 or Ubuntu 22.04 instead of Alpine",
  ],
  [/Cannot find module/, "there is no Dawn for this platform; models run on the CPU"],
];

/** Never more than needs doing. */
export function adviseOnGpu({ adapters, error, said = "" }: ProbeResult, signs: GpuSigns): Problem[] {
  const problems: Problem[] = [];
  const hardware = signs.makers.length > 0 || signs.devices || signs.wsl;
  if (error && /^the probe /.test(error)) {
    problems.push({ problem: error, advice: "update the GPU's driver; until then models run on the CPU" });
  } else if (error && /webgpu cannot be loaded/.test(error)) {
    const [, advice] = packageAdvice.find(([pattern]) => pattern.test(error)) ?? [];
    if (hardware) problems.push({ problem: error, advice: advice ?? "install it again: npm install webgpu" });
  } else if (hardware && !adapters.some(({ facts }) => facts && !facts.software)) {
    problems.push(missingDriver(signs, said));
  }
  for (const { name, usable, reason, facts } of adapters) {
    if (usable || facts?.software || !reason || reason === error || problems.length > 0) continue;
    problems.push({ problem: `${name} cannot be used: ${reason}`, advice: "update its driver" });
  }
  return problems;
}

function missingDriver({ makers, devices, wsl }: GpuSigns, said: string): Problem {
  const problem = `this machine has a GPU${makers.length > 0 ? ` (${makers.join(", ")})` : ""} without a driver for Vulkan`;
  const loader = /Couldn't load Vulkan/.test(said) ? "libvulkan1 and " : "";
  if (wsl)
    return { problem, advice: `install ${loader}mesa-vulkan-drivers with its "dzn" driver, and update Windows' own` };
  if (!devices) {
    const flags = makers.includes("NVIDIA") ? "--gpus all -e NVIDIA_DRIVER_CAPABILITIES=all" : "--device /dev/dri";
    return { problem, advice: `in a container, start it with ${flags}; else install the GPU's driver` };
  }
  if (makers.includes("NVIDIA")) {
    const parts = `${loader}NVIDIA's driver with its Vulkan part (libnvidia-gl)`;
    const container = `in a container, start it with -e NVIDIA_DRIVER_CAPABILITIES=all${loader && ", and install libvulkan1"}`;
    return { problem, advice: `install ${parts}; ${container}` };
  }
  const group = '; a user needs the group of /dev/dri/renderD* (often "render")';
  return { problem, advice: `install ${loader}mesa-vulkan-drivers${group}` };
}
