// Speed of deadlift on one encoder: prints one line of JSON, measured as encode_ort.mjs measures.
//
//   node encode_ours.mjs MODEL BATCH TOKENS THREADS REPEATS exact|fast

import { loadModel } from "../../dist/index.js";
import { EventLoop } from "./measure.mjs";

const [path, batch, tokens, threads, repeats, precision] = process.argv.slice(2);
const model = await loadModel(path, { threads: Number(threads), precision });
const words = (i) => Array.from({ length: tokens - 2 }, (_, j) => `w${(i * 7919 + j * 104729) % 30000}`).join(" ");
const texts = Array.from({ length: Number(batch) }, (_, i) => words(i));
await model.embed(texts);
const loop = new EventLoop();
loop.restart();
const times = [];
for (let run = 0; run < Number(repeats); run++) {
  const startedAt = performance.now();
  await model.embed(texts);
  times.push(performance.now() - startedAt);
}
const delays = await loop.delays();
const [vector] = await model.embed(texts.slice(0, 1));
console.log(JSON.stringify({ times, delays, isa: model.backend.isa, start: [...vector.slice(0, 4)] }));
await model.dispose();
