// An inspection for people: facts in words, and the quants there are to choose from.

import { basename, relative } from "node:path";
import type { GgufChoice, Inspection } from "../index.js";
import { bytes, colors, grouped, oneLine, plural, printFacts, quantity, say } from "./output.js";
import { type Column, printRows } from "./table.js";
import { cutEnd } from "./width.js";

/** More files than this are counted. */
const MAX_FILES = 10;
const MAX_SUMMARY = 240; // cells

export function printInspection(inspection: Inspection): void {
  const { name, format, contextLength, licence, choices } = inspection;
  say(`${colors.bold(oneLine(name))} ${colors.dim(`(${[format, inspection.quant].filter(Boolean).join(", ")})`)}`);
  const facts: [string, string][] = [
    ["architecture", shapeOf(inspection)],
    ["parameters", parametersOf(inspection)],
    ["dtypes", dtypesOf(inspection)],
    ["context", contextLength === undefined ? "not stated" : `${grouped(contextLength)} tokens`],
    ["licence", oneLine(licence ?? "not stated")],
    ...hubFacts(inspection),
    ["files", filesOf(inspection)],
    ["memory", memoryOf(inspection)],
    ["fits", fitOf(inspection)],
    ["runs", inspection.supported ? colors.green("yes") : `${colors.red("no")}: ${oneLine(inspection.problem ?? "")}`],
  ];
  printFacts(facts.filter(([, value]) => value !== ""));
  if (choices.length > 0) printChoices(inspection);
}

function shapeOf({ architecture, config }: Inspection): string {
  const name = colors.cyan(oneLine(architecture));
  if (!config) return name;
  const { layers, dim, ffn, heads, vocab, recurrent } = config;
  const states = recurrent.layers.filter((has) => has).length;
  const facts = [
    `${layers} layers`,
    states > 0 ? `${states} of them recurrent` : "",
    `${grouped(dim)} wide${ffn > 0 ? ` (ffn ${grouped(ffn)})` : ""}`,
    heads > 0 ? headsOf(config) : "",
    `vocabulary ${grouped(vocab)}`,
  ];
  return `${name}: ${facts.filter((fact) => fact !== "").join(", ")}`;
}

function headsOf({ heads, kvHeads, headDim, latent }: NonNullable<Inspection["config"]>): string {
  if (latent) return `${heads} heads of ${latent.passDim + headDim} (latent of ${latent.rank})`;
  return `${heads} heads of ${headDim}${kvHeads === heads ? "" : ` (${kvHeads} KV)`}`;
}

function parametersOf({ parameters }: Inspection): string {
  return parameters === undefined ? "unknown" : `${quantity(parameters)} (${grouped(parameters)})`;
}

function dtypesOf({ dtypes }: Inspection): string {
  const sorted = Object.entries(dtypes).sort(([, a], [, b]) => b - a);
  const sum = sorted.reduce((total, [, count]) => total + count, 0);
  return sorted.map(([name, count]) => `${oneLine(name)} ${((100 * count) / sum).toFixed(1)} %`).join(", ");
}

/** What only the Hub knows; local models have none of it. */
function hubFacts(inspection: Inspection): [string, string][] {
  const { task, library, gated, downloads, likes, summary, repo, commit, revision } = inspection;
  if (repo === undefined) return [];
  const whom = gated === "manual" ? "its authors let you in" : "its terms must be accepted";
  return [
    ["task", oneLine([task, library && `with ${library}`].filter(Boolean).join(", "))],
    ["access", gated ? colors.yellow(`gated: ${whom}`) : gated === false ? "open" : ""],
    ["revision", oneLine(`${revision ?? ""} ${commit ?? ""}`)],
    [
      "popularity",
      downloads === undefined ? "" : `${grouped(downloads)} downloads last month, ${grouped(likes ?? 0)} likes`,
    ],
    ["about", cutEnd(oneLine(summary ?? ""), MAX_SUMMARY)],
  ];
}

function filesOf({ files, path, source }: Inspection): string {
  const nameOf = (file: string) =>
    source === "local" && path !== undefined ? relative(path, file) || basename(path) : file;
  const lines = files.slice(0, MAX_FILES).map((file) => `${oneLine(nameOf(file.path))} (${bytes(file.size)})`);
  const rest = files.slice(MAX_FILES);
  if (rest.length > 0) lines.push(`and ${plural(rest.length, "more file")} (${bytes(sumOf(rest))})`);
  return lines.join("\n");
}

const sumOf = (files: readonly { readonly size: number }[]) => files.reduce((sum, { size }) => sum + size, 0);

function memoryOf({ memory, config }: Inspection): string {
  const { weights, kvCache, kvPerToken, states, scratch, total, contextSize } = memory;
  if (!config) return `${bytes(weights)} weights; the rest is not known`;
  const cache = `${bytes(kvCache)} KV cache (${grouped(contextSize)} tokens of ${bytes(kvPerToken)})`;
  const kept = states > 0 ? `${cache} + ${bytes(states)} states` : cache;
  return `${colors.bold(bytes(total))} = ${bytes(weights)} weights, mapped + ${kept} + ${bytes(scratch)} scratch`;
}

function fitOf({ fits, memory }: Inspection): string {
  const { available, weights, states, scratch, kvPerToken } = memory;
  if (fits) return `${colors.green("yes")}, ${bytes(available)} are available`;
  const room = kvPerToken > 0 ? Math.floor((available - weights - states - scratch) / kvPerToken) : 0;
  const advice = room > 0 ? `--context ${room} would fit` : "take a smaller quantisation or a smaller model";
  return `${colors.red("no")}, only ${bytes(available)} are available; ${advice}`;
}

function printChoices({ choices, quant, repo }: Inspection): void {
  say();
  printRows(CHOICES, choices);
  if (process.stdout.isTTY)
    say(colors.dim(`the facts above are those of ${quant ?? "the first"}; choose with ${repo}:QUANT`));
}

const CHOICES: readonly Column<GgufChoice>[] = [
  { head: "quant", text: ({ quant }) => quant ?? "", paint: colors.cyan },
  {
    head: "size",
    text: ({ size }) => bytes(size),
    plain: ({ size }) => String(size),
    align: "right",
    paint: colors.bold,
  },
  { head: "file", text: ({ file }) => file, cut: "middle", least: 30 },
];
