// Speed of node-llama-cpp on one GGUF file: prints one line of JSON. A process of its own, since an assert ends it.
//
//   node llama.mjs FOLDER FILE PROMPT NEW THREADS REPEATS STREAMS

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EventLoop, ownMb, promptIds, speeds } from "./measure.mjs";

const [folder, file, ...numbers] = process.argv.slice(2);
const [promptTokens, newTokens, threads, repeats, streams] = numbers.map(Number);
const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, logLevel: "error", build: "never" });
const loop = new EventLoop();
const startedAt = performance.now();
const model = await llama.loadModel({ modelPath: file });
const loadMs = performance.now() - startedAt;
const contextSize = promptTokens + newTokens + 16;
const context = await model.createContext({
  contextSize,
  batchSize: 512,
  threads,
  sequences: streams,
});
const sequences = Array.from({ length: streams }, () => context.getSequence());
const loading = await loop.delays();

/** When its first token came, and its last. */
async function decode(sequence) {
  let count = 0;
  let first = 0;
  for await (const _ of sequence.evaluate([5], { temperature: 0, yieldEogToken: true })) {
    if (count++ === 0) first = performance.now();
    if (count === newTokens) break;
  }
  return { first, last: performance.now() };
}

const runs = [];
loop.restart();
for (let run = 0; run < repeats; run++) {
  await Promise.all(sequences.map((sequence) => sequence.clearHistory()));
  const begin = performance.now();
  await Promise.all(
    sequences.map((sequence, i) => sequence.evaluateWithoutGeneratingNewTokens(promptIds(promptTokens, run, i))),
  );
  const prefillMs = performance.now() - begin;
  const spans = await Promise.all(sequences.map(decode));
  runs.push(speeds({ streams, promptTokens, newTokens, prefillMs, spans }));
}
const delays = { loading, generating: await loop.delays() };
console.log(JSON.stringify({ loadMs, runs, ownMb: ownMb(), delays, threads: context.idealThreads }));
process.exit(0); // without waiting for its clean-up
