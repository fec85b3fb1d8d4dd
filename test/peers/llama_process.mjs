// One model in llama.cpp (node-llama-cpp), in a process of its own, since an assert of it ends the process.
//
//   node llama_process.mjs FOLDER FILE     FOLDER: whose node_modules has node-llama-cpp
//
// Reads one JSON object a line and answers each with one: {greedy: {prompt, count}} -> {ids},
// {perplexity: {tokens, window}} -> {nll, tokens}, both in token ids.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, logLevel: "error", build: "never" });
const model = await llama.loadModel({ modelPath: file });

async function withSequence(contextSize, work) {
  // One thread: several would wait for each other in loops, and a busy machine makes that endless.
  const context = await model.createContext({ contextSize, batchSize: 512, threads: 1 });
  try {
    return await work(context.getSequence());
  } finally {
    await context.dispose();
  }
}

const greedy = ({ prompt, count }) =>
  withSequence(prompt.length + count + 8, async (sequence) => {
    const ids = [];
    for await (const id of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      ids.push(id);
      if (ids.length === count) break;
    }
    return { ids };
  });

/** Otherwise logits are what its sampler leaves of them. */
const asTheyAre = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** Negative log-likelihood of each token of the second half. */
async function score(sequence, window) {
  const first = window.length >> 1;
  const asked = window.map((token, i) => {
    const counts = i >= first && i < window.length - 1;
    return counts ? [token, { generateNext: { logits: true, options: asTheyAre } }] : token;
  });
  await sequence.clearHistory();
  const answers = await sequence.controlledEvaluate(asked);
  return answers.flatMap((answer, i) => (answer ? [surprise(answer.next.logits, window[i + 1])] : []));
}

/** -log softmax(logits)[id]. */
function surprise(logits, id) {
  const values = [...logits.values()];
  const largest = Math.max(...values);
  return largest - logits.get(id) + Math.log(values.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
}

const perplexity = ({ tokens, window }) =>
  withSequence(window + 8, async (sequence) => {
    const scores = [];
    for (let at = 0; at + window <= tokens.length; at += window) {
      const part = tokens.slice(at, at + window);
      part[0] = tokens[0];
      scores.push(...(await score(sequence, part)));
    }
    return { nll: scores.reduce((sum, nll) => sum + nll, 0) / scores.length, tokens: scores.length };
  });

for await (const line of createInterface({ input: process.stdin })) {
  const [[name, question]] = Object.entries(JSON.parse(line));
  console.log(JSON.stringify(await { greedy, perplexity }[name](question)));
}
await llama.dispose();
