// What a model's files say about it besides weights: chat templates and licence.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DeadliftError } from "../error.js";
import { isObject, type JsonObject, readJson, readText, readTextStart } from "./file.js";
import type { Metadata } from "./gguf_metadata.js";

/** A template as its author wrote it; `name` is "default" or what it is for ("tool_use", "rag"). */
export interface ChatTemplateSource {
  readonly name: string;
  readonly template: string;
}

/** The longest published templates have some 50 KB. */
const maxTemplateBytes = 4 * 2 ** 20;
const maxTemplates = 64;
/** The front matter is at the very start of a model card. */
const frontMatterBytes = 64 * 2 ** 10;

/** Templates of a folder; files of their own win over tokenizer_config.json, as in transformers. */
export async function folderTemplates(
  folder: string,
  tokenizerConfig: JsonObject | undefined,
): Promise<ChatTemplateSource[]> {
  const found = new Map<string, string>();
  const add = (name: string, template: unknown) => {
    if (typeof template === "string" && !found.has(name)) found.set(name, template);
  };
  add("default", await readText(join(folder, "chat_template.jinja"), maxTemplateBytes));
  const more = join(folder, "additional_chat_templates");
  for (const file of await templateFiles(more)) {
    add(file.slice(0, -".jinja".length), await readText(join(more, file), maxTemplateBytes));
  }
  const stated = tokenizerConfig?.chat_template;
  add("default", stated);
  for (const entry of Array.isArray(stated) ? stated.slice(0, maxTemplates) : []) {
    if (isObject(entry) && typeof entry.name === "string") add(entry.name, entry.template);
  }
  if (!found.has("default")) {
    add("default", (await readJson(join(folder, "chat_template.json"), maxTemplateBytes))?.chat_template);
  }
  return [...found].map(([name, template]) => ({ name, template }));
}

async function templateFiles(folder: string): Promise<string[]> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".jinja")).sort();
  if (files.length <= maxTemplates) return files;
  throw new DeadliftError(
    "LimitExceeded",
    `expected at most ${maxTemplates} templates in ${folder}, received ${files.length}`,
  );
}

/** Templates of GGUF: `tokenizer.chat_template` and `tokenizer.chat_template.NAME`. */
export function ggufTemplates(metadata: Metadata): ChatTemplateSource[] {
  const key = "tokenizer.chat_template";
  return [...metadata].flatMap(([name, template]) => {
    if (typeof template !== "string") return [];
    if (name === key) return [{ name: "default", template }];
    return name.startsWith(`${key}.`) ? [{ name: name.slice(key.length + 1), template }] : [];
  });
}

/** The licence in the front matter of a folder's README.md: "apache-2.0", or the name of an "other" one. */
export async function folderLicence(folder: string): Promise<string | undefined> {
  // A model card is prose: one that cannot be read must not keep its model from running.
  const text = await readTextStart(join(folder, "README.md"), frontMatterBytes).catch(() => undefined);
  const matter = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(text ?? "")?.[1];
  if (matter === undefined) return undefined;
  const value = (key: string) => {
    const line = new RegExp(`^${key}:[ \\t]*(?:\\r?\\n[ \\t]*-[ \\t]*)?(.+)$`, "m").exec(matter)?.[1];
    return line?.trim().replace(/^(["'])(.*)\1$/, "$2") || undefined;
  };
  const licence = value("license");
  return licence === "other" ? (value("license_name") ?? licence) : licence;
}
