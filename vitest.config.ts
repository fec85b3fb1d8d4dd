import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Need Python, and llama.cpp: npm run test:interop, npm run test:peers.
    exclude: ["test/interop/**", "test/peers/**"],
    // The addon lives in one process each: a crash in native code then names the file it happened in.
    pool: "forks",
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 60_000,
    // Whatever GPU this machine has: that is npm run test:gpu.
    env: { DEADLIFT_DEVICE: process.env.DEADLIFT_DEVICE ?? "cpu" },
  },
});
