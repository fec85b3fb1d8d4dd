// Adapters as the probe would report them.

import type { AdapterReport } from "../../src/backends/webgpu/adapters.js";

export function gpu(differing: Partial<AdapterReport> = {}): AdapterReport {
  const name = differing.name ?? "Card 1";
  const facts = {
    name: `${name} driver 1.0`,
    vendor: "nvidia",
    architecture: "hopper",
    software: false,
    features: ["shader-f16", "subgroups"],
    limits: { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 },
    subgroupSizes: [32, 32] as const,
    matrixSide: 0 as const,
  };
  return { name, backends: ["vulkan"], facts, bandwidthGbs: 1000, tflops: 20, usable: true, ...differing };
}

const software = gpu({ name: "llvmpipe" });
/** As fast as no software is, so that speed cannot be why it is not taken. */
export const llvmpipe: AdapterReport = {
  ...software,
  facts: { ...software.facts!, vendor: "mesa", software: true },
  bandwidthGbs: 10_000,
};
