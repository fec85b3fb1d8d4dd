import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    // Makes the Python environments: minutes the first time, nothing after.
    globalSetup: ["test/interop/setup.ts"],
    pool: "forks",
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
