// The probe: its process may crash, hang and talk nonsense, and what it finds is kept as long as nothing changes. No GPU needed.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { AdapterReport } from "../../src/backends/webgpu/adapters.js";
import { type AskOptions, askProbe } from "../../src/backends/webgpu/ask_probe.js";
import { type ProbeOptions, probe } from "../../src/backends/webgpu/probe.js";
import { gpu } from "./reports.js";

const folder = mkdtempSync(join(tmpdir(), "deadlift-probe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tell =
  'import { appendFileSync, writeSync } from "node:fs"; const tell = (e) => writeSync(3, JSON.stringify(e) + "\\n");';
const found = (...adapters: AdapterReport[]) =>
  `tell({ event: "found", adapters: ${JSON.stringify(adapters.map(({ name, backends }) => ({ name, backends })))} });`;
const examined = (adapter: AdapterReport) =>
  `tell({ event: "opening", name: ${JSON.stringify(adapter.name)} }); tell({ event: "adapter", adapter: ${JSON.stringify(adapter)} });`;
const done = 'tell({ event: "done" });';
const fast = gpu({ name: "Fast One", bandwidthGbs: 1000 });
const slow = gpu({ name: "Slow One", bandwidthGbs: 100 });

let count = 0;
/** A program in the place of the probe's. */
function program(...lines: string[]): string {
  const path = join(folder, `program${++count}.mjs`);
  writeFileSync(path, [tell, ...lines].join("\n"));
  return path;
}

describe("the process", () => {
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
    const { adapters, error } = await ask(lines, { limitMs: 1000 });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(error).toBe("the probe of the GPU had not ended after 1 seconds");
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
});

describe("what was found is kept", () => {
  let cache: string;
  let asked: string;
  beforeEach(() => {
    cache = join(folder, `cache${++count}`);
    asked = join(folder, `asked${count}`);
    writeFileSync(asked, "");
  });

  /** Counts how often it is asked. */
  const counting = (...lines: string[]) => program(`appendFileSync(${JSON.stringify(asked)}, "x");`, ...lines);
  const times = () => readFileSync(asked, "utf8").length;
  const good = () => counting(found(fast), examined(fast), done);
  const bad = () => counting('process.kill(process.pid, "SIGSEGV");');
  const look = (program: string, options: ProbeOptions = {}) =>
    probe({ folder: cache, places: [], program, ...options });
  const file = () => join(cache, readdirSync(cache)[0]!);
  const age = (ms: number) => {
    const kept = JSON.parse(readFileSync(file(), "utf8"));
    writeFileSync(file(), JSON.stringify({ ...kept, at: kept.at - ms }));
  };
  const hour = 3_600_000;

  it("and used again", async () => {
    const program = good();
    const first = await look(program);
    expect(first.adapters).toEqual([fast]);
    expect(await look(program)).toEqual(JSON.parse(JSON.stringify(first)));
    expect(times()).toBe(1);
    expect(readdirSync(cache)).toHaveLength(1);
  });

  it("unless somebody wants it fresh", async () => {
    const program = good();
    await look(program);
    await look(program, { fresh: true });
    expect(times()).toBe(2);
  });

  it("and found once by all who ask at once", async () => {
    const program = good();
    await Promise.all([look(program), look(program), look(program)]);
    expect(times()).toBe(1);
  });

  it("for a month", async () => {
    const program = good();
    await look(program);
    age(29 * 24 * hour);
    await look(program);
    expect(times()).toBe(1);
    age(2 * 24 * hour);
    await look(program);
    expect(times()).toBe(2);
  });

  it("for a day where it failed", async () => {
    const program = bad();
    const { error } = await look(program);
    expect(await look(program)).toMatchObject({ error });
    expect(times()).toBe(1);
    age(25 * hour);
    await look(program);
    expect(times()).toBe(2);
  });

  it("until a driver comes, changes or goes", async () => {
    const program = good();
    const place = join(folder, `icd${count}.d`);
    const places = [place, join(folder, "libvulkan.so.1")];
    const changes = [
      () => {},
      () => mkdirSync(place),
      () => writeFileSync(join(place, "card.json"), "{}"),
      () => utimesSync(join(place, "card.json"), 1, 1),
      () => rmSync(place, { recursive: true }),
    ];
    for (const change of changes) {
      change();
      await look(program, { places });
      await look(program, { places });
    }
    // A folder without files is as good as none, and what was known of that is known still.
    expect(times()).toBe(3);
  });

  it.each([
    ["empty", ""],
    ["cut", '{"at":'],
    ["of something else", '{"at":1,"result":{"adapters":[{"usable":true}]}}'],
    ["null", "null"],
  ])("but not believed where its file is %s", async (_, text) => {
    const program = good();
    await look(program);
    writeFileSync(file(), text);
    expect((await look(program)).adapters).toEqual([fast]);
    await look(program);
    expect(times()).toBe(2);
  });

  it("nor where it comes from the future", async () => {
    const program = good();
    await look(program);
    age(-hour);
    await look(program);
    expect(times()).toBe(2);
  });

  it("or not, where the folder cannot be written", async () => {
    writeFileSync(cache, "a file");
    const program = good();
    expect((await look(program)).adapters).toEqual([fast]);
    expect((await look(program)).adapters).toEqual([fast]);
    expect(times()).toBe(2);
  });

  it("beside files that are not its own, and instead of old ones", async () => {
    const old = join(cache, `gpu-${"0".repeat(16)}.json`);
    mkdirSync(cache);
    for (const name of [old, join(cache, "gpu-notes.json")]) {
      writeFileSync(name, "{}");
      utimesSync(name, 1, 1);
    }
    await look(good());
    expect(readdirSync(cache).sort()).toEqual([expect.stringMatching(/^gpu-[0-9a-f]{16}\.json$/), "gpu-notes.json"]);
  });
});
