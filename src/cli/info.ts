// `deadlift info REPO`: what the Hub says about a model, its files and its versions.

import { Command } from "commander";
import { type ModelInfo, type ModelInfoOptions, modelInfo, modelRevisions } from "../index.js";
import { ago } from "./dates.js";
import { printFiles, printRevisions } from "./info_tables.js";
import { interruption } from "./interruption.js";
import { bytes, colors, grouped, oneLine, plural, printFacts, printJson, quantity, say } from "./output.js";
import { Progress } from "./progress.js";

interface Flags {
  readonly revision?: string;
  readonly files?: boolean;
  readonly revisions?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  deadlift info Qwen/Qwen3-0.6B
  deadlift info Qwen/Qwen3-0.6B --revisions
  deadlift info meta-llama/Llama-3.1-8B-Instruct --files --json`;

export function infoCommand(): Command {
  return new Command("info")
    .summary("show what the Hub says about a model")
    .description("show what the Hub says about a model: licence, access, parameters, downloads, files and versions")
    .argument("<REPO>", "repository: org/name[@revision], hf://org/name or the address of its page")
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--files", "list the files")
    .option("--revisions", "list branches, tags and the last commits")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(name: string, { revision, files, revisions, json }: Flags): Promise<void> {
  const options = { ...(revision !== undefined && { revision }), signal: interruption };
  const { info, versions } = await ask(name, options, revisions === true);
  if (json) return printJson(versions ? { ...info, revisions: versions } : info);
  printInfo(info);
  if (files) printFiles(info);
  if (versions) printRevisions(versions);
}

async function ask(name: string, options: ModelInfoOptions, withVersions: boolean) {
  using _ = new Progress(`asking for ${oneLine(name)}`);
  const info = await modelInfo(name, options);
  return { info, versions: withVersions ? await modelRevisions(name, options) : undefined };
}

function printInfo(info: ModelInfo): void {
  const { id, url, commit, licence, licenceName, createdAt, updatedAt, files, totalBytes, tags } = info;
  if (process.stdout.isTTY) say(`${colors.bold(colors.cyan(oneLine(id)))}  ${colors.dim(oneLine(url))}`);
  else printFacts([["model", oneLine(id)]]);
  const time = (date: Date | undefined) => (date ? `${ago(date.getTime())} (${date.toISOString().slice(0, 10)})` : "");
  const facts: [string, string][] = [
    ["commit", commit],
    ["task", [info.task, info.library && `with ${info.library}`].filter(Boolean).join(", ")],
    ["parameters", parametersOf(info)],
    ["licence", licenceName ? `${licenceName} (${licence ?? "other"})` : (licence ?? "not stated")],
    ["base models", info.baseModels.join(", ")],
    ["languages", info.languages.join(", ")],
    ["downloads", downloadsOf(info)],
    ["likes", grouped(info.likes)],
    ["updated", time(updatedAt)],
    ["created", time(createdAt)],
    ["tags", tags.join(", ")],
    ["files", `${plural(files.length, "file")}, ${bytes(totalBytes)}`],
  ];
  const said = facts.map(([name, value]) => [name, oneLine(value).replaceAll("\t", " ")] as const);
  const access = ["access", accessOf(info)] as const;
  printFacts([...said.slice(0, 4), access, ...said.slice(4)].filter(([, value]) => value !== ""));
}

function parametersOf({ parameters, gguf }: ModelInfo): string {
  const total = parameters?.total ?? gguf?.total;
  const dtypes = Object.entries(parameters?.dtypes ?? {}).sort(([, a], [, b]) => b - a);
  const facts = [
    total === undefined
      ? ""
      : `${quantity(total)}${dtypes.length > 0 ? ` of ${dtypes.map(([dtype]) => dtype).join(", ")}` : ""}`,
    gguf?.architecture ?? "",
    gguf?.contextLength === undefined ? "" : `${grouped(gguf.contextLength)} tokens of context`,
  ];
  return facts.filter(Boolean).join(", ");
}

function downloadsOf({ downloads, downloadsAllTime }: ModelInfo): string {
  const all = downloadsAllTime === undefined ? "" : `, ${grouped(downloadsAllTime)} in all`;
  return `${grouped(downloads)} in the last month${all}`;
}

function accessOf({ access, gated, disabled, private: hidden, url }: ModelInfo): string {
  if (disabled) return colors.red("disabled by the Hub");
  if (access === "open") return colors.green("open");
  if (access === "granted") return colors.green(`${hidden ? "private" : "gated"}, and your token has access`);
  const whom = gated === "manual" ? ", and its authors must let you in" : "";
  return colors.yellow(`gated: accept its terms at ${oneLine(url)}${whom}`);
}
