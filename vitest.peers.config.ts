import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/peers/**/*.test.ts"],
    // Installs the peers: a minute the first time, nothing after.
    globalSetup: ["test/peers/setup.ts"],
    pool: "forks",
    // Each peer takes all cores.
    poolOptions: { forks: { maxForks: 1 } },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
