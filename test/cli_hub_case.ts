// A Hub on loopback with a few models, and the built command line with an empty cache of its own beside it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { deadlift, type Ended, root, tiny } from "./cli_process.js";
import { startHub, type TestHub } from "./hub/server.js";

const names = "config.json generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json".split(
  " ",
);
const tinyFile = (name: string) => ({ file: join(tiny, name) });
export const tinyFiles = Object.fromEntries([...names, "model.safetensors"].map((name) => [name, tinyFile(name)]));
const ggufFile = (name: string) => ({ file: join(root, "test/fixtures/models", name) });

export let hub: TestHub;
/** HF_HOME of the test that runs. */
export let home: string;

beforeAll(async () => {
  hub = await startHub();
  const tags = ["safetensors", "license:apache-2.0", "en"];
  const small = { tags, task: "text-generation", library: "transformers", downloads: 1234, likes: 7 };
  const story = hub.repo("acme/story", small);
  story.tag("v1", story.commit({ ...tinyFiles, "README.md": "# Story\n\nTells stories.\n" }));
  story.commit({ "notes.txt": "later" }, { title: "Add notes" });
  const gguf = { tags: ["gguf", "license:mit"], gguf: { total: 3e9, architecture: "llama", context_length: 64 } };
  hub.repo("acme/quants-GGUF", { ...gguf, downloads: 99 }).commit({
    "quants-Q4_0.gguf": ggufFile("llama-q4_0.gguf"),
    "quants-Q8_0.gguf": ggufFile("llama-q8_0.gguf"),
  });
  hub.repo("acme/closed", { gated: "manual", tags: ["license:other"] }).commit(tinyFiles);
  hub
    .repo("evil/names", {
      task: "text\u001b[31m-\nred\tgen",
      tags: ["\u001b]0;owned\u0007", "license:a\tb"],
      cardData: { note: "\u009b31m\u202e" },
    })
    .commit(tinyFiles);
});
afterAll(() => hub.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "deadlift-cli-hub-"));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** What the command line knows of this Hub and nothing of the machine's own. */
export function hubEnvironment(): Record<string, string | undefined> {
  const unset = "HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HUB_OFFLINE".split(
    " ",
  );
  const others =
    "TRANSFORMERS_OFFLINE HF_HUB_DISABLE_PROGRESS_BARS HTTP_PROXY HTTPS_PROXY http_proxy https_proxy".split(" ");
  return {
    ...Object.fromEntries([...unset, ...others].map((name) => [name, undefined])),
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: home,
    NO_PROXY: "127.0.0.1,localhost",
  };
}

export function run(args: string[], env: object = {}, input = ""): Promise<Ended> {
  return deadlift(args, input, { ...hubEnvironment(), ...env });
}

/** The one document that a successful --json call prints, and nothing beside it. */
export async function document(args: string[], env: object = {}) {
  const { status, out, err } = await run([...args, "--json"], env);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(out.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(out);
}

/** Waits for what another process brings about. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > 30_000) throw new Error(`never came true: ${condition}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Lines of a table in a pipe, as objects. */
export function rows(text: string): Record<string, string>[] {
  const [head = [], ...lines] = text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.split("\t"));
  for (const line of lines) expect(line).toHaveLength(head.length);
  return lines.map((line) => Object.fromEntries(line.map((cell, i) => [head[i]!, cell])));
}

/** Lines of facts in a pipe. */
export function facts(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t") as [string, string]),
  );
}
