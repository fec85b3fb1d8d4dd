// Chooses the chat template among those a model repository may carry.

import { DeadliftError, expected } from "../error.js";

/** Where templates are published; absent ones are left out. */
export interface TemplateSources {
  /** `chat_template` of tokenizer_config.json: one template or a list of named ones. */
  tokenizerConfig?: unknown;
  /** The text of chat_template.jinja; it wins over tokenizer_config.json, as in transformers. */
  file?: string | undefined;
  /** The texts of additional_chat_templates/NAME.jinja (or chat_templates/NAME.jinja) by NAME. */
  additional?: Readonly<Record<string, string>> | undefined;
  /** GGUF metadata: `tokenizer.chat_template` and `tokenizer.chat_template.NAME`. */
  gguf?: Iterable<readonly [string, unknown]> | undefined;
}

export interface SelectedTemplate {
  name: string;
  source: string;
}

const GGUF_KEY = "tokenizer.chat_template";

/**
 * The template called `name`; without a name "tool_use" when there are tools, otherwise "default".
 * Throws NoChatTemplate with the names that there are.
 */
export function selectTemplate(
  sources: TemplateSources,
  choice: { name?: string | undefined; tools?: boolean | undefined } = {},
): SelectedTemplate {
  const templates = allTemplates(sources);
  const wanted = choice.name !== undefined ? [choice.name] : choice.tools ? ["tool_use", "default"] : ["default"];
  // A single template serves for everything, whatever it is called.
  if (choice.name === undefined && templates.size === 1) wanted.push(...templates.keys());
  for (const name of wanted) {
    const source = templates.get(name);
    if (source !== undefined) return { name, source };
  }
  const names = [...templates.keys()];
  const received =
    names.length === 0 ? "a model without chat templates" : `one with ${names.map((name) => `"${name}"`).join(", ")}`;
  throw new DeadliftError("NoChatTemplate", `expected a chat template called "${wanted[0]}", received ${received}`);
}

function allTemplates(sources: TemplateSources): Map<string, string> {
  const templates = new Map<string, string>();
  for (const [key, value] of sources.gguf ?? []) {
    if (typeof value !== "string") continue;
    if (key === GGUF_KEY) templates.set("default", value);
    else if (key.startsWith(`${GGUF_KEY}.`)) templates.set(key.slice(GGUF_KEY.length + 1), value);
  }
  for (const [name, source] of fromConfig(sources.tokenizerConfig)) templates.set(name, source);
  for (const [name, source] of Object.entries(sources.additional ?? {})) templates.set(name, source);
  if (sources.file !== undefined) templates.set("default", sources.file);
  return templates;
}

function fromConfig(value: unknown): [string, string][] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [["default", value]];
  const what = "a string or a list of { name, template }";
  if (!Array.isArray(value)) throw new DeadliftError("InvalidTemplate", expected(what, "chat_template", value));
  return value.map((entry) => {
    const isNamed = typeof entry?.name === "string" && typeof entry?.template === "string";
    if (!isNamed) throw new DeadliftError("InvalidTemplate", expected(what, "chat_template", entry));
    return [entry.name, entry.template];
  });
}
