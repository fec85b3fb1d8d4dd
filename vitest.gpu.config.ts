import { defineConfig } from "vitest/config";

/** The CPU's own suites, judged by the same references. */
const shared = [
  ...["kernels", "attention_ops", "row_ops", "recurrent_ops"], // ops
  ...["golden", "families", "encoders", "checkpoints", "recurrent"], // models
  ...["model", "speculate", "texts"], // what is above them
].map((name) => `test/${name}.test.ts`);

// Started by test/gpu/run.mjs, which sets the driver: workers inherit its environment.
export default defineConfig({
  test: {
    // Without a driver only those that say so, and skip themselves.
    include: ["test/gpu/**/*.test.ts", ...(process.env.DEADLIFT_TEST_GPU_MISSING ? [] : shared)],
    // A driver that crashes names the file it happened in.
    pool: "forks",
    // Drivers that run on the CPU take all of its cores.
    poolOptions: { forks: { maxForks: 2 } },
    // Each kernel is compiled at its first use.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    env: { DEADLIFT_DEVICE: "gpu" },
  },
});
