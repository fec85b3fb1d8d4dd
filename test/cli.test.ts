// The command line keeps its contract: keys of --json, exit statuses, one sentence on stderr, plain lines in pipes.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bare, deadlift, ended, folder, json, main, root, start, tiny } from "./cli_process.js";

const heldout = join(root, "test/fixtures/tiny/heldout.txt");

describe("--json", () => {
  it("generate", async () => {
    const answer = await json(["generate", tiny, "--prompt", "Hello!", "--max-tokens", "12", "--temperature", "0"]);
    expect(Object.keys(answer)).toEqual(["ids", "text", "usage", "finishReason", "timings"]);
    expect(answer.ids).toHaveLength(answer.usage.completionTokens);
    expect(answer.text.length).toBeGreaterThan(3);
    const usage = "promptTokens cachedTokens completionTokens draftedTokens acceptedTokens".split(" ");
    expect(Object.keys(answer.usage)).toEqual(usage);
    expect(["stop", "length"]).toContain(answer.finishReason);
    expect(answer.timings.firstTokenMs).toBeGreaterThan(0);
  });

  it("generate --logprobs", async () => {
    const { ids, logprobs } = await json(["generate", tiny, "--prompt", "Hi", "--max-tokens", "4", "--logprobs", "2"]);
    expect(logprobs).toHaveLength(ids.length);
    expect(logprobs[0].id).toBe(ids[0]);
    expect(logprobs[0].logprob).toBeLessThanOrEqual(0);
    expect(logprobs[0].top).toHaveLength(2);
  });

  it("bench", async () => {
    const figures = await json(["bench", tiny, "-p", "32", "-n", "8", "-t", "1", "--streams", "2", "--repeat", "1"]);
    const keys = "model backend isa threads loadMs prefillTps decodeTps streams rssMb mappedMb bandwidthGbs amxTflops";
    expect(Object.keys(figures)).toEqual([...keys.split(" "), "depth", "peakTflops", "prefillShare", "decodeShare"]);
    expect(figures).toMatchObject({ backend: "cpu", threads: 1, streams: 2, depth: 0 });
    for (const key of ["loadMs", "prefillTps", "decodeTps", "rssMb", "mappedMb", "bandwidthGbs", "peakTflops"]) {
      expect(figures[key], key).toBeGreaterThan(0);
    }
  });

  it("bench --depth", async () => {
    // It fails where the context before the prompt is not in the cache.
    const sizes = ["-p", "16", "-n", "8", "--streams", "2", "--repeat", "2"];
    const figures = await json(["bench", tiny, ...sizes, "--depth", "900"]);
    expect(figures.depth).toBe(900);
    expect(figures.prefillTps).toBeGreaterThan(0);
    expect(figures.decodeTps).toBeGreaterThan(0);
  });

  it("inspect", async () => {
    const model = await json(["inspect", tiny]);
    const keys = "architecture parameters dtypes contextLength licence files memory fits".split(" ");
    expect(Object.keys(model).slice(0, keys.length)).toEqual(keys);
    expect(model).toMatchObject({ architecture: "llama", contextLength: 1024, fits: true, source: "local" });
    expect(model.dtypes).toEqual({ BF16: model.parameters });
    const weights = model.files.find(({ path }: { path: string }) => path.endsWith("model.safetensors"));
    expect(weights.size).toBe(statSync(join(tiny, "model.safetensors")).size);
    const small = await json(["inspect", tiny, "--context", "10", "--program"]);
    expect(Object.keys(small)).toEqual([...Object.keys(model), "program"]);
    expect(small.memory.kvCache).toBe(10 * small.memory.kvPerToken);
    // Bytes with an F16 scale for each 32, not halves.
    const smaller = await json(["inspect", tiny, "--kv-type", "q8_0"]);
    expect(smaller.memory.kvPerToken / small.memory.kvPerToken).toBe(34 / 64);
    expect(small.program.join("\n")).toContain("embed");
  });

  it("tokenize, there and back", async () => {
    const text = "Tell me a story,\nplease. Ünïcödé 🙂\n";
    const file = join(folder, "text.txt");
    writeFileSync(file, text);
    const { ids, ...rest } = await json(["tokenize", tiny, "--text-file", file, "--no-special"]);
    expect(rest).toEqual({});
    expect(await json(["tokenize", tiny, "--ids", ids.join(",")])).toEqual({ text });
    const withSpecial = await json(["tokenize", tiny], text);
    expect(withSpecial.ids).toEqual([1, ...ids]);
    expect(await json(["tokenize", tiny, "--ids", "--no-special"], JSON.stringify(withSpecial.ids))).toEqual({ text });
    writeFileSync(file, withSpecial.ids.join("\n"));
    expect(await json(["tokenize", tiny, "--ids-file", file])).toEqual({ text: `<|bos|>${text}` });
  });

  it("perplexity", async () => {
    const result = await json(["perplexity", tiny, heldout, "--window", "128", "--base", tiny]);
    expect(Object.keys(result)).toEqual("tokens nll perplexity standardError contextSize windows base".split(" "));
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nll), 10);
    expect(result.base).toMatchObject({ perplexity: result.perplexity, sameTop: 1 });
  });

  it("doctor", async () => {
    const machine = await json(["doctor"]);
    expect(machine).toMatchObject({ node: process.versions.node, platform: process.platform, addon: { loaded: true } });
    expect(machine.cpu.isas).toContain(machine.isa);
    expect(machine.memory.total).toBeGreaterThan(0);
    expect(machine.problems).toBeInstanceOf(Array);
  });
});

describe("generate", () => {
  it("is reproducible with a seed, and streams the same text", async () => {
    const args = ["generate", tiny, "--prompt", "Tell me a story.", "--temperature", "1.2", "--seed", "7"];
    const [one, two, other] = await Promise.all([
      deadlift([...args, "--max-tokens", "24"]),
      json([...args, "--max-tokens", "24"]),
      json([...args.slice(0, -1), "8", "--max-tokens", "24"]),
    ]);
    expect(one).toEqual({ status: 0, out: `${two.text}\n`, err: "" });
    expect(other.ids).not.toEqual(two.ids);
  });

  it("takes the prompt as text, file, standard input or ids, and gives the same answer", async () => {
    const options = ["--raw", "--temperature", "0", "--max-tokens", "8"];
    const file = join(folder, "prompt.txt");
    writeFileSync(file, "Once upon a time");
    const { ids } = await json(["tokenize", tiny, "--text", "Once upon a time"]);
    const answers = await Promise.all([
      json(["generate", tiny, "--prompt", "Once upon a time", ...options]),
      json(["generate", tiny, "--prompt-file", file, ...options]),
      json(["generate", tiny, ...options], "Once upon a time\n"),
      json(["generate", tiny, "--ids", ids.join(", "), ...options]),
    ]);
    for (const answer of answers) expect(answer.ids).toEqual(answers[0].ids);
    expect(answers[0].usage.promptTokens).toBe(ids.length);
  });

  it("says the same with --speculate, and how many guesses were right", async () => {
    const args = ["generate", tiny, "--raw", "--prompt", "2 + 3 = 5. 2 + 3 = 5. 2 +", "--temperature", "0"];
    const [plain, guessed] = [await json(args), await json([...args, "--speculate", "ngram"])];
    expect(guessed.ids).toEqual(plain.ids);
    expect(plain.usage).toMatchObject({ draftedTokens: 0, acceptedTokens: 0 });
    expect(guessed.usage.acceptedTokens).toBeLessThanOrEqual(guessed.usage.draftedTokens);
    const chat = ["chat", tiny, "--temperature", "0"];
    const both = [await deadlift(chat, "Hello!\n"), await deadlift([...chat, "--speculate", "ngram"], "Hello!\n")];
    expect(both[1]).toEqual(both[0]);
  });

  it("goes through the chat template unless --raw; without a template it completes", async () => {
    const args = ["--prompt", "Hello!", "--temperature", "0", "--max-tokens", "4"];
    const [chat, raw, noTemplate] = await Promise.all([
      json(["generate", tiny, ...args]),
      json(["generate", tiny, ...args, "--raw"]),
      json(["generate", bare(), ...args]),
    ]);
    expect(chat.usage.promptTokens).toBeGreaterThan(raw.usage.promptTokens);
    expect(noTemplate.ids).toEqual(raw.ids);
  });

  it("ends before a stop text", async () => {
    const { text } = await json(["generate", tiny, "--prompt", "Tell me a story.", "--temperature", "0"]);
    const stop = text.slice(20, 24);
    const args = [
      "generate",
      tiny,
      "--prompt",
      "Tell me a story.",
      "--temperature",
      "0",
      "--stop",
      "§§",
      "--stop",
      stop,
    ];
    const stopped = await json(args);
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  });
});

describe("exit status and stderr", () => {
  const sentence = /^deadlift: .+\n$/;

  it.each([
    ["a model that is not there", ["generate", "./nowhere", "--prompt", "hi"], /nowhere/],
    ["a folder without a model", ["inspect", join(root, "src")], /src/],
    ["a file that is no model", ["tokenize", main, "--text", "hi"], /main\.js/],
    ["a prompt file that is not there", ["generate", tiny, "--prompt-file", "./nowhere.txt"], /nowhere\.txt/],
    ["a prompt that does not fit", ["generate", tiny, "--prompt", "word ".repeat(2000)], /\d{4} tokens.*1024/],
    ["a bench that does not fit", ["bench", tiny, "-p", "1024", "-n", "2"], /1024/],
    ["a bench too deep", ["bench", tiny, "-p", "64", "-n", "2", "--depth", "1000"], /depth of 1000.*1024/],
    [
      "a bench too deep for its streams",
      ["bench", tiny, "-p", "4", "-n", "2", "--depth", "9", "--streams", "20"],
      /20 streams/,
    ],
  ])("1: %s", async (_, args, reason) => {
    const both = await Promise.all([deadlift(args), deadlift([...args, "--json"])]);
    for (const { status, out, err } of both) {
      expect({ status, out }).toEqual({ status: 1, out: "" });
      expect(err).toMatch(sentence);
      expect(err).toMatch(reason);
    }
  });

  it("--debug says where an error came from", async () => {
    expect((await deadlift(["inspect", "./nowhere", "--debug"])).err).toMatch(/^deadlift: .+\n.+\n {4}at /);
  });

  it.each([
    ["no command", [], /Usage: deadlift/],
    ["an unknown command", ["generat"], /generat/],
    ["an unknown option", ["generate", tiny, "--max-token", "3"], /--max-token'.*--max-tokens/s],
    ["a missing argument", ["inspect"], /MODEL/],
    ["an argument too many", ["doctor", "now"], /too many/],
    ["a missing value", ["generate", tiny, "--prompt"], /--prompt/],
    ["a number that is none", ["generate", tiny, "--max-tokens", "abc"], /--max-tokens.*abc/],
    ["a number with a tail", ["bench", tiny, "-p", "12px"], /--prompt-tokens.*12px/],
    ["a number out of range", ["generate", tiny, "--prompt", "hi", "--temperature", "-1"], /temperature.*-1/],
    ["a seed out of range", ["generate", tiny, "--prompt", "hi", "--seed", "18446744073709551616"], /--seed/],
    ["an unknown device", ["bench", tiny, "--device", "tpu"], /--device.*tpu/],
    ["an unknown priority", ["bench", tiny, "--priority", "high"], /--priority.*high/],
    ["an unknown way to speculate", ["generate", tiny, "--prompt", "hi", "--speculate", "magic"], /ngram.*magic/],
    ["two prompts", ["generate", tiny, "--prompt", "a", "--ids", "1"], /exclude/],
    ["ids that are none", ["tokenize", tiny, "--ids", "1 two"], /two/],
    ["an id out of the vocabulary", ["tokenize", tiny, "--ids", "1 99999"], /99999/],
  ])("2: %s", async (_, args, reason) => {
    const { status, out, err } = await deadlift(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(reason);
    if (args.length > 0) expect(err).toMatch(/^deadlift: /);
    expect(err).not.toMatch(/\n {4}at /);
  });

  it("0: help with examples for every command, and the version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await deadlift(["--version"])).toEqual({ status: 0, out: `${version}\n`, err: "" });
    const commands = ["chat", "generate", "bench", "inspect", "tokenize", "perplexity", "doctor"];
    const helps = await Promise.all(commands.map((command) => deadlift([command, "--help"])));
    helps.forEach(({ status, out }, i) => {
      expect(status).toBe(0);
      expect(out).toMatch(new RegExp(`Examples:\\n  .*deadlift ${commands[i]}`));
    });
  });

  it("0: a reader that has seen enough", async () => {
    const child = start(["generate", tiny, "--raw", "--prompt", "Once", "--temperature", "1"]);
    child.stdout!.once("data", () => child.stdout!.destroy());
    child.stdin!.end();
    let err = "";
    child.stderr!.setEncoding("utf8").on("data", (text) => (err += text));
    const status = await new Promise((done) => child.on("close", done));
    expect({ status, err }).toEqual({ status: 0, err: "" });
  });

  it("130: Ctrl-C", async () => {
    const child = start(["chat", tiny], { DEADLIFT_ISA: "scalar" });
    const end = ended(child);
    child.stdin!.write("Tell me a story about a robot.\n");
    child.stdout!.once("data", () => child.kill("SIGINT"));
    expect(await end).toMatchObject({ status: 130, err: "" });
  });
});

describe("for people and pipes", () => {
  it.each([
    ["inspect", ["inspect", tiny], /^architecture\tllama.*^memory\t.*^fits\tyes/ms],
    ["inspect --program", ["inspect", tiny, "--program"], /^ *0 .*embed.*\n.*norm/],
    ["tokenize", ["tokenize", tiny, "--text", "Hi"], /^1( \d+)+\n$/],
    [
      "perplexity",
      ["perplexity", tiny, heldout, "--window", "64"],
      /^perplexity\t1\.\d{4} ± .*^tokens\t3,751 scored/ms,
    ],
    ["doctor", ["doctor"], /^kernels\t.*in use/m],
    ["bench", ["bench", tiny, "-p", "8", "-n", "4", "-r", "1"], /^prefill\t.*tokens\/s.*^amx\t/ms],
  ])("%s prints plain lines", async (_, args, expected) => {
    const { status, out, err } = await deadlift(args);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(expected);
    expect(out).not.toContain("\x1b");
  });

  it("colours when FORCE_COLOR asks for them, never when NO_COLOR is there", async () => {
    expect((await deadlift(["inspect", tiny], "", { FORCE_COLOR: "1" })).out).toContain("\x1b[");
    expect((await deadlift(["inspect", tiny], "", { FORCE_COLOR: "1", NO_COLOR: "1" })).out).not.toContain("\x1b");
  });
});
