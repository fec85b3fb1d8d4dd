// The README keeps its word: every TypeScript example runs as it stands, and every file it points at exists.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type SpawnedHub, spawnHub } from "./hub/spawn.js";

const root = resolve(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Models that the examples name, and the small ones that stand for them. */
const models = {
  "Qwen/Qwen3-0.6B": "models/tiny",
  "sentence-transformers/all-MiniLM-L6-v2": "test/fixtures/texts/minilm",
  "BAAI/bge-reranker-base": "test/fixtures/texts/reranker",
  "SamLowe/roberta-base-go_emotions": "test/fixtures/texts/classifier",
};

function filesOf(path: string): Record<string, { file: string }> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.map((file) => [relative(path, file).split(sep).join("/"), { file }]));
}

/** What a script prints. Not waited for with eyes shut: vitest takes a process that answers nothing for a minute for dead. */
async function run(file: string, env = process.env): Promise<string> {
  return (await promisify(execFile)(process.execPath, [file], { encoding: "utf8", cwd: folder, env })).stdout;
}

let folder: string;
let hub: SpawnedHub;
beforeAll(async () => {
  // Inside the package, so that `import "deadlift"` finds the package itself by its own exports.
  mkdirSync(join(root, "build"), { recursive: true });
  folder = mkdtempSync(join(root, "build/readme-"));
  hub = await spawnHub(Object.entries(models).map(([id, path]) => ({ id, files: filesOf(join(root, path)) })));
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

it.each(examples.map((code, i) => [i + 1, code] as const))("example %i runs", async (i, code) => {
  const file = join(folder, `example${i}.mjs`);
  writeFileSync(file, transformSync(code, { loader: "ts", format: "esm", target: "node20" }).code);
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, "home"), HF_HUB_CACHE: undefined };
  const output = await run(file, env);
  if (code.includes("console.log") || code.includes("stdout.write")) expect(output.trim()).not.toBe("");
});

it("has examples", () => expect(examples.length).toBeGreaterThanOrEqual(3));

it("require() gives the same API, and its errors are recognised across both", async () => {
  const file = join(folder, "common.cjs");
  writeFileSync(
    file,
    `const { loadModel, DeadliftError } = require("deadlift");
     (async () => {
       const esm = await import("deadlift");
       console.log(Object.keys(esm).sort().join() === Object.keys(require("deadlift")).sort().join());
       const error = await loadModel("./nowhere").catch((error) => error);
       console.log(error instanceof DeadliftError, error instanceof esm.DeadliftError, error.code);
       const model = await loadModel(esm.embeddedModel);
       console.log((await model.generate("Once", { maxTokens: 4, temperature: 0, stopTokens: [] })).tokens.length);
       await model.dispose();
     })();`,
  );
  const output = await run(file);
  expect(output.trim().split("\n")).toEqual(["true", "true true FileNotFound", "4"]);
});

it("points only at files that exist", () => {
  const paths = [...readme.matchAll(/`((?:src|native|kernels|bench|test|models)\/[\w./-]+)`/g)].map(
    ([, path]) => path!,
  );
  for (const path of paths) {
    const real = path.replace(/\/NAME\.\w+$/, ""); // of a file that a recipe tells to write: its folder
    expect(existsSync(join(root, real)), path).toBe(true);
  }
});

it("states the speeds that were measured", () => {
  const path = join(root, "bench/results/peers_1.1B.json");
  const { date, results } = JSON.parse(readFileSync(path, "utf8"));
  expect(readme).toContain(date);
  const digits = (value: number) => value.toFixed(value >= 100 ? 0 : 1);
  const pair = ({ ours, peer, ratio }: { ours: number; peer: number; ratio: number }) =>
    `${digits(ours)} / ${digits(peer)} = ${ratio.toFixed(2)}`;
  for (const { type, llama } of results.rows) {
    expect(readme).toContain(`| ${type} | ${pair(llama.prefillTps)} | ${pair(llama.decodeTps)} |`);
  }
});

it("states the speeds of encoders that were measured", () => {
  const { date, results } = JSON.parse(readFileSync(join(root, "bench/results/embed.json"), "utf8"));
  expect(readme).toContain(date);
  const number = (value: number) => value.toLocaleString("en-US");
  for (const [shape, rows] of Object.entries<EncoderRow[]>(results.shapes)) {
    for (const { size, tokensPerSecond: t, exactToFp32, fastToInt8 } of rows) {
      const exact = `${number(t.exact)} / ${number(t.fp32)} = ${exactToFp32.toFixed(2)}`;
      const fast = `${number(t.fast)} / ${number(t.int8)} = ${fastToInt8.toFixed(2)}`;
      expect(readme).toContain(`| ${shape} | ${size.replace("x", " × ")} | ${exact} | ${fast} |`);
    }
  }
});

interface EncoderRow {
  readonly size: string;
  readonly tokensPerSecond: Readonly<Record<"exact" | "fast" | "fp32" | "int8", number>>;
  readonly exactToFp32: number;
  readonly fastToInt8: number;
}
