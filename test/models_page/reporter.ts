// Writes MODELS.md from what the golden tests have measured: npm run models.

import { readFileSync, writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { modelTypes } from "../../src/formats/families/index.js";
import type { ModelResult } from "../reference/model_result.js";

interface Facts {
  readonly repos: readonly string[];
  readonly missing?: string;
}

const facts: Readonly<Record<string, Facts>> = JSON.parse(
  readFileSync(new URL("models.json", import.meta.url), "utf8"),
);

const HEAD = `# Models

Written by \`npm run models\` from the results of the golden tests (\`test/families.test.ts\`, \`test/golden.test.ts\`,
\`test/encoders.test.ts\`): for each \`model_type\` of config.json small random models, with the features of the family switched on
in one or another, and what Python's transformers makes of them in F32. "Largest difference" is that of all logits (or hidden
states) from transformers' on all instruction sets of the machine that wrote this page; greedy ids of decoders are equal, 32 after each
of three prompts. GGUF files are made by llama.cpp's own converter from the same models, and held to the same numbers; "no" means
that its converter does not know the family, or that we do not read what it makes.
`;

const TAIL = `
A \`model_type\` that is not here is refused before its weights are downloaded. On the GPU the same models are held to
1e-3 (\`npm run test:gpu\`).
Tables of vectors (model2vec, StaticEmbedding of sentence-transformers) run without a model type: \`test/texts.test.ts\`.
`;

export default class ModelsPage implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const results = modules
      .flatMap((module) => [...module.children.allTests()])
      .flatMap((test) => test.meta().model ?? []);
    writeFileSync(new URL("../../MODELS.md", import.meta.url), pageOf(results));
  }
}

function pageOf(results: readonly ModelResult[]): string {
  const isas = [...new Set(results.map(({ isa }) => isa))].join(", ");
  const types = [...modelTypes.keys()].sort();
  const decoders = types.filter((type) => !modelTypes.get(type)!.heads);
  const encoders = types.filter((type) => modelTypes.get(type)!.heads);
  return [
    HEAD,
    `Instruction sets: ${isas}.\n`,
    "## Decoders\n",
    table(["model_type", "for example", "GGUF", "largest difference", "models", "missing"], decoders, (type) =>
      decoderRow(type, ofType(results, type)),
    ),
    "\n## Encoders\n",
    table(["model_type", "for example", "heads", "GGUF", "largest difference", "missing"], encoders, (type) =>
      encoderRow(type, ofType(results, type)),
    ),
    TAIL,
  ].join("\n");
}

function ofType(results: readonly ModelResult[], type: string): ModelResult[] {
  return results.filter((result) => result.type === type);
}

function table(head: readonly string[], types: readonly string[], row: (type: string) => readonly string[]): string {
  const lines = [head, head.map(() => "---"), ...types.map(row)];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function decoderRow(type: string, results: readonly ModelResult[]): string[] {
  const plain = results.filter(({ format }) => format === "safetensors");
  const models = plain.filter(({ isa }) => isa === plain[0]?.isa).length;
  return [`\`${type}\``, repos(type), gguf(results), difference(results), String(models), missing(type)];
}

function encoderRow(type: string, results: readonly ModelResult[]): string[] {
  const heads = [...new Set(results.map((one) => headName(one.class)))].sort();
  return [`\`${type}\``, repos(type), heads.join(", "), gguf(results), difference(results), missing(type)];
}

/** "BertForMaskedLM" -> "MaskedLM"; a class without a head gives vectors. */
function headName(name: string): string {
  return /For(\w+)$/.exec(name)?.[1] ?? "vectors";
}

function gguf(results: readonly ModelResult[]): string {
  return results.some(({ format }) => format === "GGUF") ? "yes" : "no";
}

/** Rounded up to one digit, so that the page does not change with every processor. */
function difference(results: readonly ModelResult[]): string {
  if (results.length === 0) return "as its relatives";
  const most = Math.max(...results.map((one) => one.difference), 1e-9);
  const exponent = Math.floor(Math.log10(most));
  const digit = Math.ceil(most / 10 ** exponent);
  return digit === 10 ? `1e${exponent + 1}` : `${digit}e${exponent}`;
}

function repos(type: string): string {
  return (facts[type]?.repos ?? []).map((repo) => `\`${repo}\``).join(", ");
}

function missing(type: string): string {
  return facts[type]?.missing ?? "";
}
