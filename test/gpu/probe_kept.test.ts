// What the probe found is kept in a file, as long as nothing changes. No GPU needed.

import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { type ProbeOptions, probe } from "../../src/backends/webgpu/probe.js";
import { done, examined, fast, folder, found, program } from "./probe_program.js";

let count = 0;
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
const look = (program: string, options: ProbeOptions = {}) => probe({ folder: cache, places: [], program, ...options });
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
