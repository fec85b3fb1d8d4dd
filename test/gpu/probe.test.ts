// The process that probes may crash, hang and talk nonsense: all of that is an answer. No GPU needed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type AskOptions, askProbe } from "../../src/backends/webgpu/ask_probe.js";
import { done, examined, fast, folder, found, program, slow } from "./probe_program.js";
import { gpu } from "./reports.js";

const ask = (lines: string[], options: AskOptions = {}) => askProbe({ program: program(...lines), ...options });

it("tells what it finds, what the CPU gives, and what drivers say", async () => {
  const cpu = 'tell({ event: "cpu", bandwidthGbs: 40, threads: 2 });';
  const result = await ask([
    "console.error('Warning: old');",
    found(fast, slow),
    examined(fast),
    examined(slow),
    cpu,
    done,
  ]);
  expect(result).toEqual({
    adapters: [fast, slow],
    cpu: { bandwidthGbs: 40, threads: 2 },
    error: undefined,
    said: "Warning: old",
  });
});

it("finds nothing where there is nothing", async () => {
  const result = await ask(['tell({ event: "error", message: "no driver" });', done]);
  expect(result).toMatchObject({ adapters: [], error: "no driver" });
});

it("may crash: what it was about is unusable, what it said before stays", async () => {
  const crash = 'tell({ event: "opening", name: "Slow One" }); process.kill(process.pid, "SIGSEGV");';
  const third = gpu({ name: "Third One" });
  const { adapters, error } = await ask([found(fast, slow, third), examined(fast), crash]);
  expect(error).toBe("the probe of the GPU ended with signal SIGSEGV");
  expect(adapters[0]).toEqual(fast);
  expect(adapters[1]).toMatchObject({ name: "Slow One", usable: false, reason: error });
  expect(adapters[2]).toMatchObject({ name: "Third One", usable: false, reason: `not looked at: ${error}` });
});

it("may hang, and is killed", async () => {
  const pid = join(folder, "pid");
  const lines = [`appendFileSync(${JSON.stringify(pid)}, String(process.pid));`, found(fast), "for (;;);"];
  const startedAt = performance.now();
  const { adapters, error } = await ask(lines, { limitMs: 3000 });
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(error).toBe("the probe of the GPU had not ended after 3 seconds");
  expect(adapters).toMatchObject([{ name: "Fast One", usable: false }]);
  const gone = () => {
    try {
      return !process.kill(Number(readFileSync(pid, "utf8")), 0);
    } catch {
      return true;
    }
  };
  await expect.poll(gone).toBe(true);
});

it("may say nothing", async () => {
  expect(await ask(["process.exit(3);"])).toMatchObject({
    adapters: [],
    error: "the probe of the GPU ended with status 3 and without an answer",
  });
});

it("is not waited for once it has said all, and may crash then", async () => {
  const after = 'setTimeout(() => process.kill(process.pid, "SIGSEGV"), 50);';
  expect(await ask([found(fast), examined(fast), done, after])).toMatchObject({ adapters: [fast], error: undefined });
});

it.each([
  ["no JSON", 'writeSync(3, "\\0\\xff{{{\\n[1,2");'],
  ["JSON of something else", 'tell(null); tell(7); tell([]); tell({ event: "other" }); tell({ event: "cpu" });'],
  ["adapters that are none", 'tell({ event: "found", adapters: [null, 1, { name: 2 }] });'],
  [
    "a usable adapter without a speed",
    'tell({ event: "adapter", adapter: { name: "x", backends: [], usable: true } });',
  ],
  ["megabytes of it", 'writeSync(3, "x".repeat(3 << 20));'],
])("may talk nonsense: %s", async (_, line) => {
  const { adapters, cpu, error } = await ask([line]);
  expect({ adapters, cpu }).toEqual({ adapters: [], cpu: undefined });
  expect(error).toMatch(/without an answer/);
});

it("may be missing", async () => {
  const { error, said } = await askProbe({ program: join(folder, "missing.mjs") });
  expect(error).toMatch(/status 1 and without an answer/);
  expect(said).toMatch(/Cannot find module/);
});

it("is the one of the package by default, and never fails", async () => {
  const { adapters, error } = await askProbe();
  expect(adapters.length > 0 || /^(the npm package webgpu cannot|the system has no GPU driver)/.test(error!)).toBe(
    true,
  );
  for (const { usable, facts, reason } of adapters) {
    if (facts?.software) expect({ usable, reason }).toMatchObject({ usable: false, reason: /^a program on the CPU/ });
  }
});

// Only where a driver is: `npm run test:gpu` has one.
it.skipIf(!process.env.VK_DRIVER_FILES)("measures what there is", async () => {
  const { adapters, cpu, error } = await askProbe({ software: true, limitMs: 60_000 });
  expect(error).toBeUndefined();
  expect(adapters.length).toBeGreaterThan(0);
  for (const { bandwidthGbs, tflops, usable } of adapters) {
    expect(usable).toBe(true);
    expect(bandwidthGbs).toBeGreaterThan(0.01);
    expect(tflops).toBeGreaterThan(0.0001);
  }
  expect(cpu?.bandwidthGbs).toBeGreaterThan(0.1);
});
