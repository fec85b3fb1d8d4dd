// How many threads compute, and which of them give way to others.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { embeddedModel, loadModel } from "../src/index.js";
import { native } from "../src/native.js";

const folder = mkdtempSync(join(tmpdir(), "deadlift-threads-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Cores of a machine that has these files and whose process may run on these processors. */
function cores(processors: number[], files: Record<string, string>): number {
  const root = mkdtempSync(join(folder, "root-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return native().countCores(Int32Array.from(processors), root);
}

/** One line for each processor. */
function siblings(lists: string[]): Record<string, string> {
  const folder = "sys/devices/system/cpu";
  return Object.fromEntries(lists.map((list, i) => [`${folder}/cpu${i}/topology/thread_siblings_list`, list]));
}

const eight = [0, 1, 2, 3, 4, 5, 6, 7];

describe("cores", () => {
  it("are processors where nothing says more", () => {
    expect(cores([0, 1, 2], {})).toBe(3);
    expect(native().cpuInfo().cores).toBeGreaterThan(0);
    expect(native().cpuInfo().cores).toBeLessThanOrEqual(availableParallelism());
  });

  it("count once, however many of their threads may be used", () => {
    const halves = siblings(["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"]);
    expect(cores(eight, halves)).toBe(4);
    expect(cores([0, 1, 4, 5], halves)).toBe(2);
    expect(cores([1, 4], halves)).toBe(2);
    const neighbours = siblings(["0-1", "0-1", "2-3", "2-3"]);
    expect(cores([0, 1, 2, 3], neighbours)).toBe(2);
    expect(cores([0, 1, 2, 3], siblings(["0", "1", "2", "3"]))).toBe(4);
  });

  const groups = "sys/fs/cgroup";
  it.each([
    ["no limit", "max 100000", 8],
    ["three processors", "300000 100000", 3],
    ["two and a half", "250000 100000", 2],
    ["half a processor", "50000 100000", 1],
    ["more than there are", "6400000 100000", 8],
    ["another period", "20000 10000", 2],
  ])("are what a control group grants: %s", (_, max, expected) => {
    const own = { "proc/self/cgroup": "0::/app", [`${groups}/app/cpu.max`]: max };
    expect(cores(eight, own)).toBe(expected);
  });

  it("are what the tightest of nested groups grants", () => {
    const nested = {
      "proc/self/cgroup": "0::/system.slice/app/worker",
      [`${groups}/system.slice/cpu.max`]: "500000 100000",
      [`${groups}/system.slice/app/cpu.max`]: "200000 100000",
      [`${groups}/system.slice/app/worker/cpu.max`]: "400000 100000",
    };
    expect(cores(eight, nested)).toBe(2);
  });

  it("are what groups of version 1 grant, seen from a container too", () => {
    const lines = "5:cpuset:/other\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/";
    const quota = (folder: string, value: string) => ({
      [`${groups}/${folder}/cpu.cfs_quota_us`]: value,
      [`${groups}/${folder}/cpu.cfs_period_us`]: "100000",
    });
    const host = { "proc/self/cgroup": lines, ...quota("cpu/docker/abc", "300000"), ...quota("cpu", "-1") };
    expect(cores(eight, host)).toBe(3);
    expect(cores(eight, { "proc/self/cgroup": lines, ...quota("cpu", "150000") })).toBe(1);
    // A group of other controllers says nothing, whatever its path.
    expect(cores(eight, { "proc/self/cgroup": lines, ...quota("cpu/other", "100000") })).toBe(8);
  });

  it("are what both limit", () => {
    const machine = siblings(["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"]);
    const grant = (max: string) => ({ ...machine, "proc/self/cgroup": "0::/", [`${groups}/cpu.max`]: max });
    expect(cores(eight, grant("600000 100000"))).toBe(4);
    expect(cores(eight, grant("300000 100000"))).toBe(3);
  });
});

/** Nice values of this process's threads; the first one is JavaScript's. */
function niceValues(): number[] {
  const stats = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/stat`, "utf8"));
  return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
}

describe.runIf(process.platform === "linux")("priority (nice values, as Linux shows them)", () => {
  const lower = (own: number) => niceValues().filter((nice) => nice > own).length;

  it("low is of the engine's threads alone, and changes no text", async () => {
    const own = niceValues()[0]!;
    await using normal = await loadModel(embeddedModel, { threads: 3 });
    const { text } = await normal.generate("Once", { temperature: 0, maxTokens: 8 });
    expect(lower(own)).toBe(0);
    await using low = await loadModel(embeddedModel, { threads: 3, priority: "low" });
    expect((await low.generate("Once", { temperature: 0, maxTokens: 8 })).text).toBe(text);
    await vi.waitFor(() => expect(lower(own)).toBe(3));
    expect(niceValues()[0]).toBe(own);
  });
});

it("a priority that does not exist is an error", async () => {
  const loading = loadModel(embeddedModel, { priority: "high" as "low" });
  await expect(loading).rejects.toMatchObject({
    code: "InvalidArgument",
    message: expect.stringContaining("priority"),
  });
});
