// Where "auto" runs a model: what is faster for it, never a software adapter, and only where it fits. No GPU needed.

import { expect, it } from "vitest";
import { adapterMemory, memoryOf } from "../../src/backends/webgpu/adapter_memory.js";
import { chooseFaster } from "../../src/backends/webgpu/choose.js";
import { gpu, llvmpipe } from "./reports.js";

const cpu = { bandwidthGbs: 40, threads: 2 };
const large = { weightBytes: 5e9 };

it("takes the GPU for a large model, and the CPU for a small one", () => {
  const result = { adapters: [gpu()], cpu };
  expect(chooseFaster(large, result)).toEqual({
    device: "Card 1",
    reason: "expected for a token: 7.8 ms on Card 1, 125 ms on the CPU; how much memory it has is not known",
  });
  expect(chooseFaster({ weightBytes: 30e6 }, result)).toEqual({
    device: "cpu",
    reason: "expected for a token: 1.5 ms on Card 1, 0.8 ms on the CPU",
  });
});

it("takes the fastest of several", () => {
  const adapters = [gpu({ bandwidthGbs: 300 }), gpu({ name: "Card 2", bandwidthGbs: 900 }), gpu({ name: "Card 3" })];
  expect(chooseFaster(large, { adapters, cpu }).device).toBe("Card 3");
});

it("takes the CPU where a GPU reads the same memory", () => {
  expect(chooseFaster(large, { adapters: [gpu({ bandwidthGbs: 42 })], cpu }).device).toBe("cpu");
});

it("counts calculation where that is what takes time", () => {
  const adapters = [gpu({ tflops: 0.05 }), gpu({ name: "Card 2", bandwidthGbs: 900 })];
  expect(chooseFaster({ ...large, flops: 2e10 }, { adapters, cpu }).device).toBe("Card 2");
});

it("believes the caller about the CPU", () => {
  const result = { adapters: [gpu()], cpu };
  expect(chooseFaster({ ...large, cpu: { bandwidthGbs: 5000 } }, result).device).toBe("cpu");
  expect(chooseFaster({ ...large, cpu: { bandwidthGbs: 10 } }, { adapters: [gpu()] }).device).toBe("Card 1");
});

it("takes no GPU that has not the room", () => {
  const small = gpu({ memory: 8e9 });
  const big = gpu({ name: "Card 2", memory: 80e9, bandwidthGbs: 500 });
  const demand = { weightBytes: 5e9, residentBytes: 9e9 };
  expect(chooseFaster(demand, { adapters: [small], cpu })).toEqual({
    device: "cpu",
    reason: "it takes 9.0 GB, and Card 1 has 8.0 GB",
  });
  expect(chooseFaster(demand, { adapters: [small, big], cpu }).device).toBe("Card 2");
});

it.each([
  ["a software adapter", { adapters: [llvmpipe], cpu }, /^llvmpipe: /],
  ["one that failed", { adapters: [gpu({ usable: false, reason: "it gives no device" })], cpu }, /it gives no device/],
  ["none", { adapters: [] }, /no GPU adapter/],
  ["a crash", { adapters: [], error: "the probe of the GPU ended with signal SIGSEGV" }, /SIGSEGV/],
  ["no figure for the CPU", { adapters: [gpu()] }, /not measured/],
])("takes the CPU where the probe found %s", (_, result, reason) => {
  expect(chooseFaster(large, result)).toEqual({ device: "cpu", reason: expect.stringMatching(reason) });
});

it("reads what nvidia-smi says of memory", () => {
  const listing = "NVIDIA H100 80GB HBM3, 81559\nNVIDIA T4, 15360\nNVIDIA H100 80GB HBM3, 81000\n";
  expect(memoryOf("NVIDIA T4", listing)).toBe(15360 * 2 ** 20);
  expect(memoryOf("NVIDIA H100 80GB HBM3", listing)).toBe(81000 * 2 ** 20);
  expect(memoryOf("Another name", listing)).toBe(15360 * 2 ** 20);
  expect(memoryOf("NVIDIA T4", "NVIDIA-SMI has failed\n")).toBeUndefined();
});

it.skipIf(process.platform === "darwin")("knows nothing of other makers", async () => {
  expect(await adapterMemory("x", { ...gpu().facts!, vendor: "intel" })).toBeUndefined();
});
