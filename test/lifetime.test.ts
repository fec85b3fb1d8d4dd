// Processes and threads end as they please: idle, in the middle of a step, without a dispose. Nothing crashes or hangs.

import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const index = resolve(import.meta.dirname, "../dist/index.js");

/** Runs a script in a process of its own; what it printed and how it ended. */
function run(
  script: string,
  flags: string[] = [],
): Promise<{ output: string; code: number | null; signal: string | null }> {
  const source = `import { loadModel, embeddedModel } from ${JSON.stringify(index)};
    const forever = { temperature: 0, maxTokens: 900, stopTokens: [] };
    ${script}`;
  const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", source], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    output += data;
  });
  return new Promise((end) => child.on("close", (code, signal) => end({ output: output.trim(), code, signal })));
}

it("a process with an idle model ends by itself", async () => {
  const ended = await run(`
    const model = await loadModel(embeddedModel);
    await model.generate("Once", { temperature: 0, maxTokens: 3 });
    console.log("idle");`);
  expect(ended).toEqual({ output: "idle", code: 0, signal: null });
});

it("a process waits for work that somebody awaits", async () => {
  const ended = await run(`
    const model = await loadModel(embeddedModel);
    model.generate("Once", { ...forever, maxTokens: 50 }).then(({ tokens }) => console.log(tokens.length));`);
  expect(ended).toEqual({ output: "50", code: 0, signal: null });
});

it("process.exit in the middle of a step", async () => {
  const ended = await run(`
    const model = await loadModel(embeddedModel);
    let pieces = 0;
    for await (const piece of model.generate("Once", forever)) if (++pieces === 5) process.exit(7);`);
  expect(ended).toEqual({ output: "", code: 7, signal: null });
});

it("an uncaught error in the middle of a step", async () => {
  const ended = await run(`
    const model = await loadModel(embeddedModel);
    for await (const piece of model.generate("Once", forever)) throw new Error("on purpose");`);
  expect(ended.code).toBe(1);
  expect(ended.signal).toBeNull();
  expect(ended.output).toContain("on purpose");
});

it("models that nobody disposes of are collected, with their engines", async () => {
  const ended = await run(
    `for (let i = 0; i < 30; i++) {
      const model = await loadModel(embeddedModel, { threads: 2 });
      await model.generate("Once", { temperature: 0, maxTokens: 2 });
    }
    for (let i = 0; i < 10; i++) { gc(); await new Promise(setImmediate); }
    const { readdirSync } = await import("node:fs");
    const threads = process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
    console.log(threads < 40 ? "collected" : threads + " threads left");`,
    ["--expose-gc"],
  );
  expect(ended).toEqual({ output: "collected", code: 0, signal: null });
});

it("worker threads run models of their own, and may be terminated in the middle of a step", async () => {
  const ended = await run(`
    import { Worker } from "node:worker_threads";
    const source = \`import(${JSON.stringify(JSON.stringify(index)).slice(1, -1).replaceAll("\\\\", "\\\\\\\\")}).then(async ({ loadModel, embeddedModel }) => {
      const { parentPort } = await import("node:worker_threads");
      const model = await loadModel(embeddedModel);
      parentPort.postMessage((await model.generate("Once", { temperature: 0, maxTokens: 4, stopTokens: [] })).tokens.length);
      for await (const piece of model.generate("Once", { temperature: 0, maxTokens: 900, stopTokens: [] }));
    })\`;
    for (let round = 0; round < 3; round++) {
      const workers = [1, 2].map(() => new Worker(source, { eval: true }));
      const first = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      })));
      if (first.join() !== "4,4") throw new Error(first.join());
      await new Promise((resolve) => setTimeout(resolve, 10));
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    console.log("terminated");`);
  expect(ended).toEqual({ output: "terminated", code: 0, signal: null });
});
