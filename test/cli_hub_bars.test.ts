// Lines of progress bars and tables fit whatever width there is, and speeds are those of now.

import { describe, expect, it } from "vitest";
import { type BarFacts, barLayout, barLine } from "../src/cli/bar_line.js";
import { ago, iso } from "../src/cli/dates.js";
import { parameterCount } from "../src/cli/hub_flags.js";
import { bytesOf, clock } from "../src/cli/output.js";
import { Rate } from "../src/cli/rate.js";
import { Transfers } from "../src/cli/transfers.js";
import { cells, cutEnd, cutMiddle } from "../src/cli/width.js";
import type { DownloadProgress } from "../src/index.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room.
const plain = (text: string) => text.replaceAll(/\x1b\[\d*m/g, "");
const file: BarFacts = { name: "model.safetensors", done: 2.24e9, total: 4.97e9, bytesPerSecond: 1.5e8 };
const drawn = (facts: BarFacts, width: number) =>
  plain(barLine(facts, barLayout(width, cells(facts.name + (facts.count ?? "")))));

describe("a bar", () => {
  it("says name, share, bytes, speed and time left", () => {
    expect(drawn(file, 79)).toBe("model.safetensors  ━━━━━━━━━───────────   45%  2.24/4.97 GB   150 MB/s     0:18");
    expect(drawn({ ...file, count: "  1/3 files" }, 90)).toMatch(/^model\.safetensors {2}1\/3 files {2}━+─+ /);
    expect(drawn({ ...file, remark: "checking" }, 79)).toMatch(/GB {3}checking$/);
    expect(drawn({ ...file, bytesPerSecond: 0 }, 79).trimEnd()).toMatch(/GB$/);
  });

  it("is full only when all is there", () => {
    expect(drawn({ ...file, done: file.total - 1 }, 79)).toMatch(/━─ +99%/);
    expect(drawn({ ...file, done: file.total }, 79)).toMatch(/━ +100%/);
    expect(drawn({ ...file, done: 0, total: 0 }, 79)).toMatch(/━ +100%/);
    expect(drawn({ ...file, done: 2 * file.total }, 79)).toMatch(/━ +100%/);
  });

  it("fits every width from 24 on, and leaves out the time, then the speed, then the bytes", () => {
    const names = [
      "a",
      "model-00001-of-00004.safetensors",
      `${"long/".repeat(30)}name.gguf`,
      "日本語のモデル".repeat(5),
    ];
    for (const name of names) {
      for (let width = 24; width <= 200; width++) {
        for (const count of ["", "  12/345 files"]) {
          const line = drawn({ ...file, name, ...(count && { count }) }, width);
          expect(cells(line), `${width}: ${line}`).toBeLessThanOrEqual(width);
        }
      }
    }
    const parts = [/0:18/, /MB\/s/, /GB/];
    const seen = (width: number) => parts.map((part) => part.test(drawn({ ...file, name: names[1]! }, width)));
    expect([79, 60, 50, 35].map(seen)).toEqual([
      [true, true, true],
      [false, true, true],
      [false, false, true],
      [false, false, false],
    ]);
  });

  it("keeps the number of a shard where the name is cut", () => {
    for (const number of ["00001", "00002"]) {
      const name = `Qwen3-Coder-480B-A35B-Instruct-${number}-of-00004.safetensors`;
      for (const width of [60, 79, 119]) expect(drawn({ ...file, name }, width)).toContain(`-${number}`);
    }
  });
});

it("texts are cut by cells, not characters", () => {
  expect([cells("abc"), cells("日本"), cells("é"), cells("🙂")]).toEqual([3, 4, 1, 2]);
  expect([cutEnd("abcdef", 4), cutEnd("abcd", 4), cutEnd("日本語", 4)]).toEqual(["abc…", "abcd", "日…"]);
  expect([cutMiddle("abcdefgh", 5), cutMiddle("日本語日本語", 7)]).toEqual(["ab…gh", "日本…語"]);
});

it("parts, times and numbers in words", () => {
  expect([bytesOf(0, 14.9e9), bytesOf(2.236e9, 4.97e9), bytesOf(999, 1000), bytesOf(5, 607)]).toEqual([
    "0.0/14.9 GB",
    "2.24/4.97 GB",
    "1.00/1.00 kB",
    "5/607 B",
  ]);
  expect([clock(400), clock(72_500), clock(3_753_000), clock(1e12)]).toEqual(["0:00", "1:13", "1:02:33", "> 99 h"]);
  const now = Date.UTC(2026, 10, 23);
  expect([ago(now - 5000, now), ago(now - 90_000, now), ago(now - 3 * 86_400_000, now), ago(Number.NaN)]).toEqual([
    "just now",
    "1 minute ago",
    "3 days ago",
    "",
  ]);
  expect([iso(0), iso(Number.NaN), iso(1e300)]).toEqual(["1970-01-01T00:00:00.000Z", "", ""]);
  expect(["7B", "1.5b", "350M", "12"].map(parameterCount)).toEqual([7e9, 1.5e9, 350e6, 12]);
  for (const wrong of ["", "B", "1e9", "-1B", "7 B", "7BB"]) expect(() => parameterCount(wrong)).toThrow(/parameters/);
});

it("a rate is that of the last seconds", () => {
  const rate = new Rate();
  expect(rate.perSecond(0)).toBe(0);
  for (let at = 0; at <= 10_000; at += 50) rate.add(at * 1000, at);
  expect(rate.perSecond(10_000)).toBeCloseTo(1e6, -3);
  for (let at = 10_050; at <= 20_000; at += 50) rate.add(10e6 + (at - 10_000) * 100, at);
  expect(rate.perSecond(20_000)).toBeCloseTo(1e5, -3);
  expect(rate.perSecond(60_000)).toBeLessThan(2e4); // nothing comes any more
});

it("transfers are the files on their way, as the events tell", () => {
  const event = (stage: DownloadProgress["stage"], name?: string, fileBytes = 0): DownloadProgress => ({
    ...{ stage, repo: "org/model", file: name, fileBytes, fileSize: 100, bytes: fileBytes, totalBytes: 200 },
    ...{ files: 1, totalFiles: 2, bytesPerSecond: 5, etaMs: 1 },
  });
  const transfers = new Transfers();
  transfers.add(event("resolve"));
  transfers.add(event("done", "cached"));
  expect(transfers.running).toEqual([]);
  transfers.add(event("wait", "a"));
  transfers.add(event("download", "b", 40));
  transfers.add(event("verify", "b", 100));
  expect(transfers.running.map(({ name, done, remark }) => [name, done, remark])).toEqual([
    ["a", 0, "waiting"],
    ["b", 100, "checking"],
  ]);
  expect(transfers.all).toMatchObject({ name: "org/model", count: "  1/2 files", done: 100, total: 200 });
  transfers.add(event("done", "b", 100));
  expect(transfers.running.map(({ name }) => name)).toEqual(["a"]);
});
