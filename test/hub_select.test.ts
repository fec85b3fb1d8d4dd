// Which files of a repository a load takes: one format, all parts, the right quant, and clear words where that cannot be said.

import { describe, expect, it } from "vitest";
import { labelMatch, quantLabel } from "../src/hub/quant_label.js";
import { findWeights, selectFiles, selectTexts, type Wanted } from "../src/hub/select.js";

/** Files of 1000 bytes, or of as many as stated: "model.gguf=5000". */
const tree = (...paths: string[]) =>
  paths.map((entry) => {
    const [path, size] = entry.split("=") as [string, string?];
    return { path, size: Number(size ?? 1000) };
  });
const none = async (path: string): Promise<string> => {
  throw new Error(`nobody should read ${path}`);
};
const select = (paths: string[], wanted: Wanted = {}, read = none) =>
  selectFiles(tree(...paths), wanted, read, "org/repo");
const index = (...files: string[]) => {
  const text = JSON.stringify({ weight_map: Object.fromEntries(files.map((file, i) => [`tensor${i}`, file])) });
  return async () => text;
};
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

describe("the quant in a file's name", () => {
  it.each([
    // bartowski, lmstudio-community, ggml-org, LiquidAI, HuggingFaceTB
    ["Llama-3.2-1B-Instruct-Q4_K_M.gguf", "Q4_K_M"],
    ["Llama-3.2-1B-Instruct-IQ3_XXS.gguf", "IQ3_XXS"],
    ["Llama-3.2-1B-Instruct-IQ4_XS.gguf", "IQ4_XS"],
    ["Llama-3.2-1B-Instruct-Q6_K_L.gguf", "Q6_K_L"],
    ["Llama-3.2-1B-Instruct-Q3_K_XL.gguf", "Q3_K_XL"],
    ["Llama-3.2-1B-Instruct-Q6_K.gguf", "Q6_K"],
    ["Llama-3.2-1B-Instruct-Q4_0_4_8.gguf", "Q4_0_4_8"],
    ["Llama-3.2-1B-Instruct-Q8_0.gguf", "Q8_0"],
    ["Llama-3.2-1B-Instruct-f16.gguf", "F16"],
    ["google_gemma-3-4b-it-bf16.gguf", "BF16"],
    ["Qwen_QwQ-32B-Q2_K.gguf", "Q2_K"],
    ["c4ai-command-r-plus-08-2024-Q5_K_S.gguf", "Q5_K_S"],
    ["SmolLM3-Q4_K_M.gguf", "Q4_K_M"],
    ["LFM2-1.2B-Q4_0.gguf", "Q4_0"],
    ["gpt-oss-20b-mxfp4.gguf", "MXFP4"],
    ["gpt-oss-120b-mxfp4-00002-of-00003.gguf", "MXFP4"],
    ["smollm2-1.7b-instruct-q4_k_m.gguf", "Q4_K_M"],
    // TheBloke, MaziyarPanahi, QuantFactory
    ["llama-2-7b-chat.Q4_K_M.gguf", "Q4_K_M"],
    ["mixtral-8x7b-instruct-v0.1.Q5_0.gguf", "Q5_0"],
    ["Mistral-7B-Instruct-v0.3.fp16.gguf", "F16"],
    ["Mistral-7B-Instruct-v0.3.IQ1_S.gguf", "IQ1_S"],
    ["yi-34b-200k.Q3_K_S.gguf", "Q3_K_S"],
    // mradermacher: his "i1" says that an importance matrix was used
    ["Meta-Llama-3-8B.i1-IQ2_M.gguf", "IQ2_M"],
    ["Meta-Llama-3-8B.i1-Q4_K_M.gguf", "Q4_K_M"],
    ["Meta-Llama-3-8B.Q4_K_S.gguf", "Q4_K_S"],
    ["Meta-Llama-3-8B.f16.gguf", "F16"],
    // unsloth
    ["Qwen3-0.6B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"],
    ["Qwen3-0.6B-UD-IQ1_M.gguf", "UD-IQ1_M"],
    ["DeepSeek-R1-UD-IQ2_XXS/DeepSeek-R1-UD-IQ2_XXS-00001-of-00004.gguf", "UD-IQ2_XXS"],
    ["DeepSeek-V3.1-UD-TQ1_0.gguf", "UD-TQ1_0"],
    ["BF16/Qwen3-235B-A22B-BF16-00001-of-00010.gguf", "BF16"],
    ["Q8_0/model-00001-of-00003.gguf", "Q8_0"],
    ["UD-Q2_K_XL/model.gguf", "UD-Q2_K_XL"],
    ["Qwen3-Coder-30B-A3B-Instruct-IQ4_NL.gguf", "IQ4_NL"],
    ["Q4_K_M/Kimi-K2-Instruct-Q4_K_M-00013-of-00013.gguf", "Q4_K_M"],
    // Qwen, Google, Microsoft, IBM, Mistral themselves
    ["qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"],
    ["qwen2.5-0.5b-instruct-fp16.gguf", "F16"],
    ["qwen2.5-72b-instruct-q5_k_m-00003-of-00014.gguf", "Q5_K_M"],
    ["gemma-3-27b-it-q4_0.gguf", "Q4_0"],
    ["gemma-1.1-7b-it.gguf", undefined],
    ["2b_it_v2.gguf", undefined],
    ["Phi-3-mini-4k-instruct-q4.gguf", "Q4"],
    ["Phi-3-mini-4k-instruct-fp16.gguf", "F16"],
    ["phi-4-Q4_K.gguf", "Q4_K"],
    ["ggml-model-i2_s.gguf", "I2_S"],
    ["granite-3.3-2b-instruct-Q4_K_M.gguf", "Q4_K_M"],
    ["Ministral-3-3B-Instruct-2512-BF16.gguf", "BF16"],
    // others
    ["ggml-model-Q4_K_M.gguf", "Q4_K_M"],
    ["ggml-model-f32.gguf", "F32"],
    ["unsloth.Q4_K_M.gguf", "Q4_K_M"],
    ["Q4_K_M.gguf", "Q4_K_M"],
    ["nomic-embed-text-v1.5.Q8_0.gguf", "Q8_0"],
    ["Stheno-v3.2-Q4_K_M-imat.gguf", "Q4_K_M"],
    ["Stheno-v3.2-IQ-Imatrix-Q5_K_M-imat.gguf", "Q5_K_M"],
    ["Qwen3-30B-A3B-MXFP4_MOE.gguf", "MXFP4_MOE"],
    ["Qwen3-8B-NVFP4.gguf", "NVFP4"],
    ["DeepSeek-R1-0528-IQ4_KS_R4-00001-of-00009.gguf", "IQ4_KS_R4"],
    ["GLM-4.5-IQ2_KL.gguf", "IQ2_KL"],
    ["Model.bf16-q6_K.gguf", "Q6_K"],
    ["model-q4-k-m.gguf", "Q4_K_M"],
    ["Model-Q4_K-Some-Author.gguf", "Q4_K"],
    ["stories260K.gguf", undefined],
    ["tinyllama-F160.gguf", undefined],
    ["MyQ4_0Model.gguf", undefined],
    ["Llama-Q4-tuned.gguf", undefined],
  ])("%s: %s", (name, label) => expect(quantLabel(name)).toBe(label));

  it.each([
    ["Q4_K_M", "Q4_K_M", 2],
    ["Q4_K_M", "q4_k_m", 2],
    ["Q4_K_M", "q4-k-m", 2],
    ["Q4_K_M", "i1-Q4_K_M", 2],
    ["Q4_K_M", "Q4_K_S", 0],
    ["Q4_K_M", "Q4_K", 0],
    ["F16", "fp16", 2],
    ["F16", "BF16", 0],
    ["UD-Q4_K_XL", "ud-q4_k_xl", 2],
    ["UD-Q4_K_XL", "Q4_K_XL", 1],
    ["Q4_K_XL", "UD-Q4_K_XL", 0],
    ["MXFP4_MOE", "MXFP4", 1],
    [undefined, "Q4_K_M", 0],
  ] as const)("%s is what %s means: %i", (label, wanted, match) => expect(labelMatch(label, wanted)).toBe(match));
});

describe("safetensors", () => {
  const texts = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
  const more = ["special_tokens_map.json", "chat_template.jinja", "additional_chat_templates/rag.jinja"];
  const useless = [
    "README.md",
    ".gitattributes",
    "tokenizer.model",
    "vocab.json",
    "pytorch_model.bin",
    "onnx/model.onnx",
    "original/consolidated.00.pth",
    "additional_chat_templates/deep/er.jinja",
    "additional_chat_templates/notes.txt",
    "sub/config.json",
    "adapter_model.safetensors",
    "consolidated.safetensors",
  ];

  it("one file, and the texts beside it that exist", async () => {
    const selection = await select(["model.safetensors", ...texts, ...more, ...useless]);
    expect(selection).toEqual({
      format: "safetensors",
      open: "model.safetensors",
      weights: ["model.safetensors"],
      texts: [...texts, ...more],
      quant: undefined,
    });
    expect((await select(["model.safetensors", "config.json"])).texts).toEqual(["config.json"]);
  });

  it("several files: those the index names, and the index", async () => {
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const files = [...shards, "model-00003-of-00003.safetensors", "model.safetensors.index.json", ...texts, ...useless];
    const selection = await select(files, {}, index(shards[1]!, shards[0]!, shards[1]!));
    expect(selection).toMatchObject({ open: "model.safetensors.index.json", weights: shards });
    expect(selection.texts).toEqual(["model.safetensors.index.json", ...texts]);
  });

  it("the only one of another name, but never an adapter or the author's own copy", async () => {
    const files = ["gemma.safetensors", "config.json", "adapter_model.safetensors", "consolidated.00.safetensors"];
    expect((await select(files)).weights).toEqual(["gemma.safetensors"]);
    await expect(select(["consolidated.safetensors", "config.json"])).rejects.toThrow(
      refusal("NotAModel", /own names/),
    );
  });

  it("before GGUF, unless a quant is named or nothing makes the safetensors a model", async () => {
    const both = ["model.safetensors", "config.json", "model-Q8_0.gguf", "model-Q4_0.gguf"];
    expect((await select(both)).format).toBe("safetensors");
    expect(await select(both, { quant: "Q8_0" })).toMatchObject({ format: "gguf", weights: ["model-Q8_0.gguf"] });
    expect((await select(["ae.safetensors", "flux-Q8_0.gguf"])).format).toBe("gguf");
  });

  it("in a folder that was named", async () => {
    const files = ["model.safetensors", "config.json", "small/model.safetensors", "small/config.json"];
    const nested = [...files, "small/tokenizer.json", "small/deep/model.safetensors"];
    expect(await select(nested, { file: "small/" })).toMatchObject({
      weights: ["small/model.safetensors"],
      texts: ["small/config.json", "small/tokenizer.json"],
    });
    expect((await select(nested, { file: "small/model.safetensors" })).open).toBe("small/model.safetensors");
  });

  it("without config.json are no model, though they can be looked at", async () => {
    const files = tree("model.safetensors", "tokenizer.json");
    await expect(selectFiles(files, {}, none, "org/repo")).rejects.toThrow(refusal("NotAModel", /config\.json/));
    expect(await findWeights(files, {}, none, "org/repo")).toMatchObject({ weights: ["model.safetensors"] });
  });

  const indexed = ["model.safetensors.index.json", "config.json", "a.safetensors"];
  it.each([
    [
      "names a file that is not there",
      index("a.safetensors", "b.safetensors"),
      "EntryNotFound",
      /lacks 1 of the 2 .*b\.safet/,
    ],
    ["leaves its folder", index("../a.safetensors"), "InvalidSafetensors", /without a path.*"\.\.\/a\.safetensors"/],
    ["names something else", index("config.json"), "InvalidSafetensors", /end with "\.safetensors"/],
    ["is no JSON", async () => "{", "InvalidSafetensors", /not JSON/],
    ["is nested without end", async () => "[".repeat(1_000_000), "InvalidSafetensors", /./],
    ["is empty", async () => "null", "InvalidSafetensors", /an object of file names/],
    ["holds a list", async () => '{"weight_map": []}', "InvalidSafetensors", /an object of file names/],
    ["holds numbers", async () => '{"weight_map": {"__proto__": 7}}', "InvalidSafetensors", /received 7/],
    [
      "names too many",
      index(...Array.from({ length: 10_001 }, (_, i) => `${i}.safetensors`)),
      "LimitExceeded",
      /10000 files/,
    ],
  ])("an index that %s is refused", async (_, read, code, says) => {
    await expect(select(indexed, {}, read)).rejects.toThrow(refusal(code, says));
  });

  it("an index of gigabytes is not even asked for", async () => {
    const files = ["model.safetensors.index.json=5000000000", "config.json"];
    await expect(select(files)).rejects.toThrow(refusal("LimitExceeded", /received 5000000000/));
  });

  it("several without an index are not guessed at", async () => {
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json"];
    await expect(select(shards)).rejects.toThrow(
      refusal("AmbiguousModel", /without their model\.safetensors\.index\.json/),
    );
    const two = ["a.safetensors", "b.safetensors", "config.json"];
    await expect(select(two)).rejects.toThrow(
      refusal("AmbiguousModel", /name one as "hf:\/\/org\/repo\/a\.safetensors"/),
    );
  });
});

describe("GGUF", () => {
  const repo = ["README.md", "m-Q4_K_M.gguf=4000000", "m-Q8_0.gguf=8000000", "m-UD-Q4_K_XL.gguf=4100000", "m-f16.gguf"];
  const parts = (count: number) =>
    Array.from({ length: count }, (_, i) => `Q8_0/big-Q8_0-0000${i + 1}-of-0000${count}.gguf`);

  it.each([
    ["Q4_K_M", "m-Q4_K_M.gguf"],
    ["q4_k_m", "m-Q4_K_M.gguf"],
    ["Q4_K_XL", "m-UD-Q4_K_XL.gguf"],
    ["UD-Q4_K_XL", "m-UD-Q4_K_XL.gguf"],
    ["F16", "m-f16.gguf"],
  ])("of quant %s: %s", async (quant, file) => {
    expect(await select(repo, { quant })).toMatchObject({ format: "gguf", open: file, weights: [file], texts: [] });
  });

  it("an exact quant wins over one with an addition", async () => {
    const files = ["m-UD-Q4_K_M.gguf", "m-Q4_K_M.gguf"];
    expect((await select(files, { quant: "Q4_K_M" })).open).toBe("m-Q4_K_M.gguf");
    expect((await select(files, { quant: "ud-q4_k_m" })).open).toBe("m-UD-Q4_K_M.gguf");
  });

  it("the only one needs no quant, whatever lies beside it", async () => {
    const beside = ["config.json", "tokenizer.json", "mmproj-model-f16.gguf", "m.mmproj-Q8_0.gguf", "imatrix.gguf"];
    const more = ["m-imatrix.gguf", "imatrix_unsloth.gguf", "m-F16-mmproj.gguf", "ggml-vocab-llama.gguf"];
    expect(await select(["model.gguf", ...beside, ...more])).toEqual({
      format: "gguf",
      open: "model.gguf",
      weights: ["model.gguf"],
      texts: [],
      quant: undefined,
    });
  });

  it("in parts: all of them, in order, in their folder", async () => {
    const files = ["m-Q4_0.gguf", ...parts(3).reverse()];
    const selection = await select(files, { quant: "Q8_0" });
    expect(selection).toMatchObject({ open: parts(3)[0], weights: parts(3), quant: "Q8_0" });
    expect((await select(files, { file: parts(3)[1]! })).weights).toEqual(parts(3));
    expect((await select(files, { file: "Q8_0" })).weights).toEqual(parts(3));
    const lacking = files.filter((path) => path !== parts(3)[2]);
    await expect(select(lacking, { quant: "Q8_0" })).rejects.toThrow(
      refusal("EntryNotFound", /lacks 1 of the 3 parts/),
    );
  });

  it("a part that counts to a billion is a name like any other", async () => {
    expect((await select(["m-00001-of-99999.gguf"], {})).weights).toEqual(["m-00001-of-99999.gguf"]);
    expect((await select(["m-00000-of-00000.gguf"], {})).weights).toEqual(["m-00000-of-00000.gguf"]);
  });

  it("a hundred thousand files that claim ten thousand parts each are looked through at once", async () => {
    const files = Array.from({ length: 100_000 }, (_, i) => `m${i}-Q4_0-00001-of-10000.gguf`);
    await expect(select(files)).rejects.toThrow(refusal("AmbiguousModel", /100000 GGUF models/));
    await expect(select(files, { file: files[7]! })).rejects.toThrow(
      refusal("EntryNotFound", /lacks 9999 of the 10000/),
    );
  });

  it("several, and none named: a list of quants, sizes and files, and how to name one", async () => {
    const says =
      /has 4 GGUF models: F16 \(1\.0 kB, m-f16\.gguf\), Q4_K_M \(4\.0 MB, m-Q4_K_M\.gguf\), .*name one as "org\/repo:F16"/;
    await expect(select(repo)).rejects.toThrow(refusal("AmbiguousModel", says));
  });

  it("of a quant that is not there: those that are", async () => {
    const says = /no GGUF of quant "Q5_K_M"; it has F16 .*Q4_K_M .*name one as "org\/repo:/;
    await expect(select(repo, { quant: "Q5_K_M" })).rejects.toThrow(refusal("QuantNotFound", says));
    const safetensors = ["model.safetensors", "config.json"];
    const none = /no GGUF files, so none of quant "Q8_0"; it has safetensors: name it "org\/repo"/;
    await expect(select(safetensors, { quant: "Q8_0" })).rejects.toThrow(refusal("QuantNotFound", none));
  });

  it("of one quant twice: named by file", async () => {
    const files = ["a-2b-Q4_0.gguf", "b-7b-Q4_0.gguf"];
    const says = /2 GGUF models of quant "q4_0".*name one as "hf:\/\/org\/repo\/a-2b-Q4_0\.gguf"/;
    await expect(select(files, { quant: "q4_0" })).rejects.toThrow(refusal("AmbiguousModel", says));
    expect((await select(files, { file: "b-7b-Q4_0.gguf" })).weights).toEqual(["b-7b-Q4_0.gguf"]);
    const both = select(files, { file: "b-7b-Q4_0.gguf", quant: "Q4_0" });
    await expect(both).rejects.toThrow(refusal("InvalidArgument", /a quant or a file/));
  });

  it("a repository of thousands is listed in part", async () => {
    const files = Array.from({ length: 5000 }, (_, i) => `m${i}-Q4_0.gguf`);
    const error = await select(files).catch((error: Error) => error);
    expect(error).toEqual(refusal("AmbiguousModel", /and 4960 more; name one/));
    expect((error as Error).message.length).toBeLessThan(3000);
  });
});

describe("what is no model says what it is", () => {
  it.each([
    ["nothing", [], /no files at all/],
    ["an adapter", ["adapter_config.json", "adapter_model.safetensors", "README.md"], /an adapter \(LoRA\)/],
    ["PyTorch", ["config.json", "pytorch_model-00001-of-00002.bin"], /PyTorch files, which may run code/],
    ["ONNX", ["config.json", "onnx/model.onnx"], /ONNX/],
    ["a pipeline", ["model_index.json", "unet/a.safetensors", "vae/b.safetensors"], /diffusers/],
    ["a projector", ["mmproj-f16.gguf"], /parts of models/],
    ["anything else", ["README.md", "data.csv"], /found README\.md, data\.csv/],
  ])("%s", async (_, files, says) => {
    await expect(select(files)).rejects.toThrow(refusal("NotAModel", says));
  });

  it("a file that is not there, or is no weights", async () => {
    await expect(select(["a.gguf"], { file: "b.gguf" })).rejects.toThrow(
      refusal("EntryNotFound", /no file or folder "b/),
    );
    await expect(select(["a.gguf", "notes.txt"], { file: "notes.txt" })).rejects.toThrow(
      refusal("NotAModel", /"notes/),
    );
  });
});

describe("texts alone", () => {
  const files = tree("model.safetensors", "config.json", "tokenizer.json", "m-Q4_0.gguf", "sub/tokenizer.json");
  it.each([
    ["beside safetensors", {}, ["config.json", "tokenizer.json"]],
    ["beside a named file", { file: "model.safetensors" }, ["config.json", "tokenizer.json"]],
    ["in a folder", { file: "sub/" }, ["sub/tokenizer.json"]],
    ["of GGUF: in the file itself", { quant: "Q4_0" }, []],
    ["of a GGUF by name", { file: "m-Q4_0.gguf" }, []],
  ])("%s", (_, wanted, texts) => expect(selectTexts(files, wanted)).toEqual(texts));

  it("are none without a tokenizer.json", () => {
    expect(selectTexts(tree("model.gguf", "config.json"), {})).toEqual([]);
  });
});
