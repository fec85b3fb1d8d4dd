// Who may import whom: the layers of the house, read from the imports themselves.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** Room -> rooms it may import from. Every room may import `error`; a room may always import from itself. */
const allowed: Record<string, string[]> = {
  index: ["*"],
  cli: ["index"],
  model: [
    ...["hub", "formats", "architectures", "program", "backends", "tokenizer", "chat", "runtime", "native", "tensor"],
    ...["convert", "quants"],
  ],
  runtime: ["backends/backend", "native", "tokenizer/tokenizer"],
  architectures: ["program"],
  backends: ["program", "quants", "native", "tensor"],
  formats: [
    "quants",
    "native",
    "tensor",
    "program/config",
    "program/recurrent_config",
    "program/ops",
    "runtime/sampling",
  ],
  convert: ["formats", "quants", "tokenizer", "native", "tensor", "program/config"],
  hub: ["native"],
  program: [],
  quants: [],
  tokenizer: [],
  chat: [],
  native: [],
  tensor: ["native", "quants"],
  error: [],
};

const rooms: Record<string, string> = {
  capacity: "model",
  compile: "model",
  engine: "native",
  root: "native",
  devices: "model",
  gpus: "model",
  gpu_advice: "model",
  inspect: "model",
  load: "model",
  language: "model",
  locate: "model",
  machine: "model",
  packed: "tensor",
  repack: "tensor",
  round: "model",
  quantize: "model",
  quantized: "model",
  texts: "model",
  options: "runtime",
  sampling: "runtime",
  stop: "runtime",
  pages: "runtime",
  session: "runtime",
  sessions: "runtime",
  states: "runtime",
  scheduler: "runtime",
  speculate: "runtime",
  step_times: "runtime",
  perplexity: "runtime",
  generate: "runtime",
  generation: "runtime",
};

function room(file: string): string {
  const first = relative(src, file).split("/")[0]!.replace(/\.ts$/, "");
  return rooms[first] ?? first;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/\bfrom "(\.[^"]+)\.js"/g)].map(([, path]) => resolve(dirname(file), `${path}.ts`));
}

function mayImport(from: string, file: string): boolean {
  const to = room(file);
  if (to === from || to === "error") return true;
  const path = relative(src, file).replace(/\.ts$/, "");
  const name = to === "runtime" ? `runtime/${path}` : path;
  return allowed[from]!.some((rule) => rule === "*" || rule === to || rule === name);
}

it("every import goes down the layers", () => {
  const wrong = sources(src).flatMap((file) =>
    imports(file)
      .filter((target) => !mayImport(room(file), target))
      .map((target) => `${relative(src, file)} -> ${relative(src, target)}`),
  );
  expect(wrong).toEqual([]);
});

it("every room is known", () => {
  const unknown = sources(src).filter((file) => !(room(file) in allowed));
  expect(unknown.map((file) => relative(src, file))).toEqual([]);
});

it("no backend is named outside model.ts, cli/ and backends/, and no quant in an architecture", () => {
  const naming = sources(src).filter((file) => /from ".*backends\/(cpu|webgpu)/.test(readFileSync(file, "utf8")));
  expect(naming.map((file) => relative(src, file))).toEqual(["devices.ts", "gpu_advice.ts", "gpus.ts"]);
  for (const file of sources(join(src, "architectures"))) {
    expect(readFileSync(file, "utf8")).not.toMatch(/\b(BF16|F16|Q[2-8]_)/);
  }
});

it("native code touches Node only in addon.cc and its addon_values.h, and SIMD only in kernels/cpu", () => {
  const root = resolve(src, "..");
  const native = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(cc|h)$/.test(name))
      .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(root, folder, name), "utf8") }));
  const withNode = [...native("native"), ...native("kernels/cpu")].filter(({ text }) =>
    /#include [<"]n(ode_)?api/.test(text),
  );
  expect(withNode.map(({ name }) => name)).toEqual(["native/addon.cc", "native/addon_values.h"]);
  const withSimd = native("native").filter(({ text }) =>
    /#include <(immintrin|arm_neon|x86intrin)\.h>|_mm\d*_/.test(text),
  );
  expect(withSimd.map(({ name }) => name)).toEqual([]);
});
