// Speed of transformers.js (its engine is onnxruntime-node) on one ONNX model: prints one line of JSON.
//
//   node transformers.mjs PACKAGES MODEL_FOLDER DTYPE PROMPT NEW THREADS REPEATS STREAMS

import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { EventLoop, ownMb, promptIds, speeds } from "./measure.mjs";

const [packages, folder, dtype, ...numbers] = process.argv.slice(2);
const [promptTokens, newTokens, threads, repeats, streams] = numbers.map(Number);
const entry = createRequire(join(packages, "package.json")).resolve("@huggingface/transformers");
const { AutoModelForCausalLM, BaseStreamer, Tensor, env } = await import(pathToFileURL(entry).href);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);

const loop = new EventLoop();
const startedAt = performance.now();
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  dtype,
  device: "cpu",
  session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
});
const loadMs = performance.now() - startedAt;
const loading = await loop.delays();

/** When tokens come; the prompt is the first that it is given. */
class Times extends BaseStreamer {
  at = [];
  put() {
    this.at.push(performance.now());
  }
  end() {}
}

/** All streams as one batch, the only way that transformers.js has to run several. */
async function generate(run) {
  const ids = Array.from({ length: streams }, (_, i) => promptIds(promptTokens, run, i)).flat();
  const sizes = [streams, promptTokens];
  const streamer = new Times();
  const startedAt = performance.now();
  await model.generate({
    input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), sizes),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), sizes),
    ...{ do_sample: false, max_new_tokens: newTokens, min_new_tokens: newTokens, streamer },
  });
  const spans = [{ first: streamer.at[1], last: streamer.at.at(-1) }];
  return speeds({ streams, promptTokens, newTokens, prefillMs: streamer.at[1] - startedAt, spans });
}

const runs = [];
loop.restart();
for (let run = 0; run < repeats; run++) runs.push(await generate(run));
const delays = { loading, generating: await loop.delays() };
console.log(JSON.stringify({ loadMs, runs, ownMb: ownMb(), delays }));
process.exit(0);
