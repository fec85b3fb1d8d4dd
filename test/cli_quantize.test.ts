// `deadlift quantize`: one document, one path, one bar; exit statuses; nothing behind when it is stopped.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deadlift, ended, folder, json, main, Person, root, start, tiny } from "./cli_process.js";
import { ggufFile, str } from "./reference/write_gguf.js";

const packed = join(root, "test/fixtures/checkpoints/gptq-4-asym");
let count = 0;
const fresh = () => join(folder, `quantized-${++count}.gguf`);

describe("deadlift quantize", () => {
  it("prints one document", async () => {
    const out = fresh();
    const result = await json(["quantize", tiny, out, "--type", "q8_0", "--threads", "1", "--priority", "low"]);
    expect(result).toEqual({ out, bytes: statSync(out).size, types: { Q8_0: 3670016, F32: 2304 } });
  });

  it("prints the path, and nothing else in a pipe", async () => {
    const out = fresh();
    expect(await deadlift(["quantize", tiny, out, "--type", "F16"])).toEqual({ status: 0, out: `${out}\n`, err: "" });
    const answer = await json(["generate", out, "--prompt", "Hello!", "--max-tokens", "8", "--temperature", "0"]);
    expect(answer.text.length).toBeGreaterThan(3);
  });

  it("takes types for tensors", async () => {
    const out = fresh();
    const flags = ["--type", "q4_0", "--tensor-type", "token_embd=q8_0", "--tensor-type", "attn_v=f16"];
    const { types } = await json(["quantize", tiny, out, ...flags]);
    expect(types).toEqual({ Q8_0: 2048 * 256, F16: 4 * 128 * 256, Q4_0: expect.any(Number), F32: 2304 });
  });

  it.each([
    ["no type", [tiny, "a.gguf"], 2, /required option '--type/],
    ["an unknown type", [tiny, "a.gguf", "--type", "q9"], 2, /expected one of F32.*received "q9"/],
    ["no name for a file", [tiny, "a", "--type", "q8_0"], 2, /ends with "\.gguf"/],
    ["a pattern without a type", [tiny, "a.gguf", "--type", "q8_0", "--tensor-type", "x"], 2, /Expected PATTERN=TYPE/],
    ["no model", ["./nowhere", "a.gguf", "--type", "q8_0"], 1, /no file or folder/],
    [
      "a second quantisation",
      [packed, "a.gguf", "--type", "q8_0"],
      1,
      /integers of 4 bits already.*type F16 \(or ask for it: --allow-requantize/,
    ],
    ["no importance matrix", [tiny, "a.gguf", "--type", "q8_0", "--imatrix", "./nowhere"], 1, /no file .*nowhere/],
  ])("says what is wrong: %s", async (_, args, status, message) => {
    const ended = await deadlift(["quantize", ...args]);
    expect(ended).toMatchObject({ status, out: "" });
    expect(ended.err).toMatch(message);
    expect(ended.err.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(existsSync("a.gguf")).toBe(false);
  });

  it("shows what it made at a terminal", async () => {
    const out = fresh();
    const person = new Person(`${process.execPath} ${main} quantize ${tiny} ${out} --type q8_0`);
    await person.sees(/✔.*Q8_0, 3\.97 MB, 8\.65 bits per weight \(Q8_0 99\.9 %, F32 0\.1 %\) in/);
    expect(await person.leaves()).toBe(0);
  });
});

describe("an early end", () => {
  /** Half a gigabyte of zeros that takes no room on the disk. */
  function large(name: string): string {
    const home = join(folder, name);
    mkdirSync(home);
    const path = join(home, "in.gguf");
    const tensors = [{ name: "a.weight", shape: [2 ** 14, 2 ** 13], type: 0 }];
    writeFileSync(path, ggufFile({ metadata: { "general.architecture": str("any") }, tensors }));
    truncateSync(path, statSync(path).size + 4 * 2 ** 27);
    return home;
  }

  it("by Ctrl-C leaves nothing and says so", async () => {
    const home = large("interrupted");
    const child = start(["quantize", join(home, "in.gguf"), join(home, "out.gguf"), "--type", "q8_0", "-t", "1"]);
    const end = ended(child);
    while (readdirSync(home).length < 2) await new Promise((done) => setTimeout(done, 2));
    child.kill("SIGINT");
    expect(await end).toEqual({ status: 130, out: "", err: expect.stringMatching(/nothing was written/) });
    expect(readdirSync(home)).toEqual(["in.gguf"]);
  });

  it.each([
    ["process.exit", "process.exit(7)", 7],
    ["an error nobody catches", "throw new Error('on purpose')", 1],
    ["a worker that is terminated", "parentPort.postMessage('now')", 0],
  ])("by %s is no crash", async (name, action, status) => {
    const home = large(name.replaceAll(" ", "-"));
    const source = `
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      import { quantizeModel } from ${JSON.stringify(join(root, "dist/index.js"))};
      const inWorker = ${JSON.stringify(name)}.includes("worker");
      if (inWorker && isMainThread) {
        const worker = new Worker(process.argv[1]);
        worker.on("message", () => worker.terminate());
      } else {
        let pieces = 0;
        const onProgress = () => { if (++pieces === 5) setImmediate(() => { ${action} }); };
        await quantizeModel(${JSON.stringify(join(home, "in.gguf"))}, ${JSON.stringify(join(home, "out.gguf"))}, { type: "q8_0", onProgress });
      }`;
    const script = join(home, "script.mjs");
    writeFileSync(script, source);
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "pipe"] });
    const signal = await new Promise((done) => child.on("close", (code, signal) => done([code, signal])));
    expect(signal).toEqual([status, null]);
    expect(existsSync(join(home, "out.gguf"))).toBe(false);
  });
});

describe("--quantize", () => {
  it("runs a model in another type, from a copy that is kept", async () => {
    const home = join(folder, "hf");
    const args = ["generate", tiny, "--prompt", "Hello!", "--max-tokens", "8", "--temperature", "0", "--json"];
    const env = { HF_HOME: home };
    const first = await deadlift([...args, "--quantize", "q8_0"], "", env);
    expect(first).toMatchObject({ status: 0, err: "" });
    const store = join(home, "deadlift", "quantized");
    const [copy] = readdirSync(store).filter((name) => name.endsWith(".gguf"));
    const before = statSync(join(store, copy!)).ino;
    const second = await deadlift([...args, "--quantize", "Q8_0"], "", env);
    expect(JSON.parse(second.out).ids).toEqual(JSON.parse(first.out).ids);
    expect(statSync(join(store, copy!)).ino).toBe(before);
    expect(readFileSync(join(store, copy!)).subarray(0, 4).toString()).toBe("GGUF");
  });
});
