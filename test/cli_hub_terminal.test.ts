// What people see of the Hub at a terminal: bars that come and go, tables that fit, questions that wait for an answer.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { home, hub, hubEnvironment, run } from "./cli_hub_case.js";
import { main, Person } from "./cli_process.js";

const hasScript = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") ?? false;
const command = (words: string) => `stty cols 80 rows 24; "${process.execPath}" "${main}" ${words}`;
const person = (words: string, env: object = {}) => new Person(command(words), { ...hubEnvironment(), ...env });
const story = () => join(home, "hub/models--acme--story");

const HIDDEN = "\u001b[?25l";
const SHOWN = "\u001b[?25h";
const WRAPS = "\u001b[?7h";

describe.skipIf(!hasScript)("at a terminal (skipped without util-linux `script`, which gives a terminal)", () => {
  it("download shows a bar for all and one for each file, takes them away, and sums up", async () => {
    const slow = hub.when({ host: "cdn" }, { rate: 1_000_000 });
    const someone = person("download acme/story", { NO_COLOR: "1" });
    const seen = await someone.sees(/ {2}model\.safetensors +━+─+ +\d+% +\d\S*\/7\.35 MB +\d\S* [kM]?B\/s +\d:\d\d/);
    expect(seen).toContain(HIDDEN);
    expect(seen).toMatch(/acme\/story {2}\d\/6 files +━*─+ +\d+% +\d\S*\/7\.48 MB/);
    expect(seen).not.toContain("\u001b[36m");
    slow();
    const end = await someone.sees(
      /✔ acme\/story: 6 files, 7\.48 MB; 7\.48 MB downloaded in .+ \(.+\/s\)\r\n\S*\/snapshots\/[0-9a-f]{40}/,
    );
    expect(end.lastIndexOf(SHOWN)).toBeGreaterThan(end.lastIndexOf("━"));
    expect(end.lastIndexOf(WRAPS)).toBeGreaterThan(end.lastIndexOf("━"));
    expect(await someone.leaves()).toBe(0);
    const again = person("download acme/story", { NO_COLOR: "1" });
    expect(await again.sees(/✔ acme\/story: 6 files, 7\.48 MB; all from the cache/)).not.toContain("━");
    expect(await again.leaves()).toBe(0);
  });

  it("Ctrl-C takes the bars away, gives the cursor back and says that it goes on", async () => {
    const slow = hub.when({ host: "cdn" }, { rate: 200_000 });
    const someone = person("download acme/story");
    await someone.sees(/model\.safetensors +\S*[━─]/);
    someone.type("\x03");
    const end = await someone.sees(/stopped; the same command goes on from here/);
    expect(end.lastIndexOf(SHOWN)).toBeGreaterThan(end.lastIndexOf("━"));
    expect(await someone.leaves()).toBe(130);
    slow();
  });

  it("generate shows the same bars in colours, then nothing but the answer", async () => {
    const words = ["generate", "acme/story", "--temperature", "0", "--max-tokens", "4", "--prompt"];
    const slow = hub.when({ host: "cdn" }, { rate: 1_000_000 });
    const someone = person([...words, "Hello"].join(" "));
    await someone.sees(/model\.safetensors +\S\[36m━*\S\[39m\S\[2m─+/);
    expect(await someone.leaves()).toBe(0);
    slow();
    const { out } = await run([...words, "Hello", "--offline"]);
    expect(someone.screen.slice(someone.screen.lastIndexOf("━"))).toContain(out.trim());
  });

  it("chat greets with the name on the Hub", async () => {
    const someone = person("chat acme/story --offline");
    await someone.sees(/the cache has nothing of acme\/story/);
    expect(await someone.leaves()).toBe(1);
    const online = person("chat acme/story");
    // Only at the prompt does it listen: what is typed before may be lost.
    await online.sees(/deadlift \S*·\S* \S*acme\/story.*parameters.*› /s);
    online.type("\x04");
    expect(await online.leaves()).toBe(0);
  });

  it("HF_HUB_DISABLE_PROGRESS_BARS leaves the result", async () => {
    const someone = person("download acme/story", { HF_HUB_DISABLE_PROGRESS_BARS: "1" });
    expect(await someone.sees(/snapshots\/[0-9a-f]{40}/)).not.toMatch(/[━─]/);
    expect(await someone.leaves()).toBe(0);
  });

  it("search fits its table to the terminal", async () => {
    const someone = person("search --author acme");
    const seen = await someone.sees(/acme\/closed.*\r\n/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room.
    const lines = seen.replaceAll(/\u001b\[[\d;?]*[a-zA-Z]/g, "").split(/\r*\n|\r/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(seen).toMatch(/model.*parameters.*downloads/);
    expect(await someone.leaves()).toBe(0);
  });

  it("cache rm asks, and Enter means no", async () => {
    await run(["download", "acme/story", "--include", "config.json"]);
    const careful = person("cache rm acme/story");
    await careful.sees(/model\/acme\/story.*Remove this \(607 B\)\? \[y\/N\] /s);
    careful.type("\r");
    await careful.sees(/nothing was removed/);
    expect(await careful.leaves()).toBe(0);
    expect(existsSync(story())).toBe(true);
    const leaving = person("cache rm acme/story");
    await leaving.sees(/\[y\/N\] /);
    leaving.type("\x03");
    expect(await leaving.leaves()).toBe(130);
    expect(existsSync(story())).toBe(true);
    const sure = person("cache rm acme/story");
    await sure.sees(/\[y\/N\] /);
    sure.type("yes\r");
    await sure.sees(/freed 607 B/);
    expect(await sure.leaves()).toBe(0);
    expect(existsSync(story())).toBe(false);
  });
});
