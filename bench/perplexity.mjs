// What each type of weights loses on the small model: perplexity of text it has not seen, divergence from the original,
// and beside it what llama.cpp makes of the same file.
//
//   node bench/perplexity.mjs [--types Q8_0,Q4_K_M] [--text FILE] [--windows N] [--keep]

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { embeddedModel, loadModel, quantizeModel } from "../dist/index.js";
import { installLlama } from "./peers/install.mjs";
import { keep } from "./results.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const window = 512;
const { values } = parseArgs({
  options: {
    types: { type: "string", default: "BF16,F16,Q8_0,Q6_K,Q5_K_M,Q5_0,Q4_K_M,IQ4_XS,IQ4_NL,Q4_0,MXFP4,Q3_K_M,Q2_K" },
    text: { type: "string", default: here("../test/fixtures/tiny/heldout.txt") },
    windows: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

function askLlama(folder, file, tokens) {
  const question = `${JSON.stringify({ perplexity: { tokens: [...tokens], window } })}\n`;
  const args = [here("../test/peers/llama_process.mjs"), folder, file];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: question, encoding: "utf8" });
  if (status !== 0) throw new Error(`llama.cpp ended with ${status}:\n${stderr}`);
  return Math.exp(JSON.parse(stdout).nll);
}

const peer = await installLlama();
const folder = mkdtempSync(join(tmpdir(), "deadlift-bench-perplexity-"));
const round = (value, digits) => Number(value.toFixed(digits));
const rows = [];
const base = await loadModel(embeddedModel);
const all = await base.tokenizer.encode(readFileSync(values.text, "utf8"));
const tokens = values.windows ? all.slice(0, Number(values.windows) * window) : all;
try {
  for (const type of values.types.split(",")) {
    const file = join(folder, `${type}.gguf`);
    await quantizeModel(embeddedModel, file, { type });
    const model = await loadModel(file);
    const { perplexity, base: against } = await model.perplexity(tokens, { base, contextSize: window });
    await model.dispose();
    const there = askLlama(peer, file, tokens);
    rows.push({
      type,
      bytes: statSync(file).size,
      perplexity: round(perplexity, 4),
      divergence: Number(against.divergence.mean.toPrecision(3)),
      sameTop: round(against.sameTop, 4),
      llama: round(there, 4),
      difference: round(perplexity / there - 1, 5),
    });
    console.error(JSON.stringify(rows.at(-1)));
    rmSync(file);
  }
} finally {
  await base.dispose();
  rmSync(folder, { recursive: true, force: true });
}
console.table(rows);
if (values.keep) console.log(keep("perplexity", { window, tokens: tokens.length, rows }));
