// npm run test:gpu [-- --driver lavapipe|swiftshader|system] [vitest's arguments]: the suites that need a GPU, on a driver
// that needs none. Where no driver can be had they are skipped, and say why.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { drivers, prepareDriver } from "./drivers.mjs";

const words = process.argv.slice(2);
const at = words.indexOf("--driver");
const [, driver = "lavapipe"] = at < 0 ? [] : words.splice(at, 2);
if (!drivers.includes(driver)) {
  console.error(`expected one of ${drivers.join(", ")} for --driver, received ${driver}`);
  process.exit(2);
}

const { env, missing } = await prepareDriver(driver, (text) => console.error(`test:gpu: ${text}`));
if (missing) console.error(`test:gpu: suites are skipped: ${missing}`);
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const child = spawn(process.execPath, [vitest, "run", "--config", "vitest.gpu.config.ts", ...words], {
  stdio: "inherit",
  env: {
    ...process.env,
    ...env,
    DEADLIFT_GPU_VALIDATION: "1",
    DEADLIFT_TEST_DEVICE: "gpu",
    ...(missing && { DEADLIFT_TEST_GPU_MISSING: missing }),
  },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (status, signal) => process.exit(status ?? (signal ? 1 : 0)));
