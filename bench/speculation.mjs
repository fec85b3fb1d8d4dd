// Generation with `speculate: "ngram"` and without, in turns: what a step of several tokens costs, and what it brings.
//
//   node bench/speculation.mjs [--shape 135M] [--types BF16,Q8_0,Q4_0] [--tokens 160] [--pairs 5] [--folder DIR] [--keep]
//
// Models of real shapes have random weights here and nothing to say, so their steps run in full but what is sampled
// comes from a script: an answer that edits code, quotes, or does neither. The small model speaks for itself.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compile } from "../dist/compile.js";
import { openModel } from "../dist/formats/open.js";
import { generate } from "../dist/generate.js";
import { embeddedModel, loadModel, loadTokenizer } from "../dist/index.js";
import { Scheduler } from "../dist/scheduler.js";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "135M" },
    types: { type: "string", default: "BF16,Q8_0,Q4_0" },
    tokens: { type: "string", default: "160" },
    pairs: { type: "string", default: "5" },
    folder: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const pairs = Number(values.pairs);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const read = (name) => readFileSync(here(name), "utf8");
const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const round = (value) => Number(value.toPrecision(3));

const tokenizer = await loadTokenizer(embeddedModel);
const code = read("../src/session.ts");
const prose = read("../README.md").split("## The Hub")[1].replaceAll("\n", " ");
const sentences = prose.match(/[A-Z][^.:]{40,160}[.:] /g);
const remark = "That is what the page says, and I would add that it depends on the machine.\n";
/** Prompts and answers. Those that repeat nothing are as they come. */
const texts = {
  "code edit": [code, code.replaceAll("pages", "blocks").slice(600)],
  quotes: [prose, sentences.map((sentence) => `"${sentence.trim()}" ${remark}`).join("")],
  "other code": ["Write a scheduler.\n", read("../src/scheduler.ts").slice(1000)],
  "other prose": ["Describe the Hub.\n", prose],
};

/** Runs everything and then says what the script says. One sequence. */
class Scripted {
  script = new Int32Array();

  constructor(executable) {
    this.executable = executable;
    this.options = executable.options;
  }

  async run(batch) {
    const results = await this.executable.run(batch);
    const { position } = batch.spans[0];
    let right = true;
    return results.map((result, i) => {
      const { token, sampler, guess } = batch.outputs[i];
      right &&= !guess || batch.tokens[token] === this.script[position + token];
      return sampler ? { ...result, sampled: right ? { id: this.script[position + token + 1] } : undefined } : result;
    });
  }

  copyPage(from, to) {
    return this.executable.copyPage(from, to);
  }
}

/** Time of steps of several tokens, in those of one. */
async function stepCosts(scheduler) {
  const counts = [1, 2, 3, 4, 5, 9, 17];
  const session = scheduler.acquire([]);
  await scheduler.extend(session, new Int32Array(256).fill(5));
  const times = counts.map(() => []);
  for (let pass = 0; pass < 3 * pairs; pass++) {
    for (const [i, count] of counts.entries()) {
      const startedAt = performance.now();
      await scheduler.extend(session, new Int32Array(count).fill(7), { outputs: "all" });
      times[i].push(performance.now() - startedAt);
      session.rewind(256);
    }
  }
  session.rewind(0);
  scheduler.release(session);
  const ms = times.map(median);
  return { stepMs: round(ms[0]), costs: Object.fromEntries(counts.map((count, i) => [count, round(ms[i] / ms[0])])) };
}

/** Pairs of runs; `start` begins one with these options. Processor time is steadier where others use the machine. */
async function compare(start) {
  const runs = { plain: [], guessed: [] };
  await start({ maxTokens: 1 }); // reads the prompt
  const timed = async (kind, options) => {
    const before = process.cpuUsage();
    const { text, timings, usage } = await start(options);
    const { user, system } = process.cpuUsage(before);
    runs[kind].push({ text, usage, ms: timings.decodeMs, cpu: user + system });
  };
  for (let pair = 0; pair < pairs; pair++) {
    await timed("plain", {});
    await timed("guessed", { speculate: "ngram" });
    if (runs.plain.at(-1).text !== runs.guessed.at(-1).text) throw new Error("speculation has changed the answer");
  }
  const sum = (all) => all.reduce((a, b) => a + b, 0);
  const used = (key) => [key, sum(runs.guessed.map(({ usage }) => usage[key]))];
  const cpu = (kind) => sum(runs[kind].map((run) => run.cpu));
  return {
    speedup: round(median(runs.plain.map(({ ms }, pair) => ms / runs.guessed[pair].ms))),
    speedupInCpuTime: round(cpu("plain") / cpu("guessed")),
    ...Object.fromEntries(["completionTokens", "draftedTokens", "acceptedTokens"].map(used)),
  };
}

async function measureShape(type, folder) {
  const path = join(folder, `${values.shape}-${type}.gguf`);
  if (!existsSync(path)) spawnSync(process.execPath, [here("make_model.mjs"), values.shape, type, path]);
  const opened = await openModel(path);
  const compiled = await compile(opened, {});
  const scripted = new Scripted(compiled.executable);
  const scheduler = new Scheduler(scripted);
  const { vocab } = opened.config;
  const runtime = { scheduler, tokenizer, vocab, contextSize: compiled.contextSize, eos: [], defaults: {} };
  const result = { type, ...(await stepCosts(scheduler)), texts: {} };
  for (const [name, [before, answer]] of Object.entries(texts)) {
    const prompt = (await tokenizer.encode(before)).slice(0, 900);
    scripted.script = Int32Array.of(...prompt, ...(await tokenizer.encode(answer)));
    result.texts[name] = await compare((options) =>
      generate(runtime, async () => prompt, { temperature: 0, maxTokens: Number(values.tokens), ...options }),
    );
    console.log(type, name, result.texts[name]);
  }
  await scheduler.close();
  await compiled.dispose();
  opened.close();
  if (!values.folder) rmSync(path);
  return result;
}

async function measureTiny() {
  const model = await loadModel(embeddedModel);
  const prompts = {
    "sums again and again": "What is 10 - 10? 10 - 10 = 0.\n".repeat(6),
    "a story": "Once upon a time, near the lighthouse,",
  };
  const result = {};
  for (const [name, prompt] of Object.entries(prompts)) {
    result[name] = await compare((options) =>
      model.generate(prompt, { temperature: 0, stopTokens: [], maxTokens: 300, ...options }),
    );
    console.log("models/tiny", name, result[name]);
  }
  await model.dispose();
  return result;
}

const folder = values.folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-speculation-"));
mkdirSync(folder, { recursive: true });
try {
  const tiny = await measureTiny();
  const rows = [];
  for (const type of values.types.split(",")) rows.push(await measureShape(type, folder));
  console.table(rows.map(({ type, stepMs, costs }) => ({ type, stepMs, ...costs })));
  const results = { shape: values.shape, tokens: Number(values.tokens), pairs, rows, tiny };
  if (values.keep) console.log(keep("speculation", results));
} finally {
  if (!values.folder) rmSync(folder, { recursive: true });
}
