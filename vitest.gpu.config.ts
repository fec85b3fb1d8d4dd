import { defineConfig } from "vitest/config";

// Started by test/gpu/run.mjs, which sets the driver: workers inherit its environment.
export default defineConfig({
  test: {
    include: ["test/gpu/**/*.test.ts"],
    // A driver that crashes names the file it happened in.
    pool: "forks",
    // Drivers that run on the CPU take all of its cores.
    poolOptions: { forks: { maxForks: 2 } },
    // Each kernel is compiled at its first use.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
