// A model's chat template: turns a conversation into the prompt it was trained on, exactly as transformers does.

import { DeadliftError, expected } from "../error.js";
import { type Continued, continued, cutAtTag } from "./continuation.js";
import type { Statement } from "./jinja/ast.js";
import { Scope } from "./jinja/evaluate.js";
import { LimitFailure, TemplateFailure } from "./jinja/failure.js";
import { globals } from "./jinja/globals.js";
import { Interpreter } from "./jinja/interpret.js";
import { position } from "./jinja/lexer.js";
import { parse } from "./jinja/parser.js";
import type { Segment, Text } from "./jinja/text.js";
import { list, NONE, text, type Value } from "./jinja/value.js";
import {
  type Message,
  messageValue,
  type Tool,
  toValue,
  validateMessages,
  validateTools,
  withReasoning,
} from "./message.js";

export type { Segment } from "./jinja/text.js";
export type { Message, TextPart, Tool, ToolCall } from "./message.js";

/** Texts of special tokens, which templates read as bos_token, eos_token, ... */
export type Specials = Partial<Record<"bos" | "eos" | "unk" | "pad" | "sep" | "cls" | "mask", string>>;

export interface RenderOptions {
  tools?: readonly Tool[] | undefined;
  /** Ends the prompt with the beginning of the assistant's turn. Default: true, unless continueFinalMessage. */
  addGenerationPrompt?: boolean | undefined;
  /** Leaves the last message open, so that the model goes on with it; or the name of its field to go on with. */
  continueFinalMessage?: boolean | string | undefined;
  /** Further names for the template: enable_thinking, documents, date_string, ... JSON values. */
  variables?: Record<string, unknown> | undefined;
  /** What strftime_now() shows, in local time. Default: the time of the call. */
  now?: Date | undefined;
}

export interface ChatTemplate {
  readonly source: string;
  /** The prompt. Throws InvalidArgument, InvalidTemplate (also where the template raises), LimitExceeded. */
  render(messages: readonly Message[], options?: RenderOptions): string;
  /**
   * The same prompt in alternating stretches: `content` is true for characters that came from messages, tools or
   * variables, where texts that look like special tokens must not become special tokens.
   */
  renderSegments(messages: readonly Message[], options?: RenderOptions): Segment[];
}

/** Parses a chat template. Throws InvalidTemplate with line and column. */
export function chatTemplate(source: string, specials: Specials = {}): ChatTemplate {
  if (typeof source !== "string") throw new DeadliftError("InvalidArgument", expected("a string", "source", source));
  const parsed = reporting(
    source,
    () => undefined,
    () => parse(source),
  );
  const render = (messages: readonly Message[], options: RenderOptions = {}): Text => {
    validateMessages(messages);
    if (options.tools !== undefined) validateTools(options.tools);
    return renderText(parsed, specials, messages, options);
  };
  return {
    source,
    render: (messages, options) => render(messages, options).value,
    renderSegments: (messages, options) => render(messages, options).segments(),
  };
}

function renderText(
  parsed: { body: Statement[]; source: string },
  specials: Specials,
  messages: readonly Message[],
  options: RenderOptions,
): Text {
  const open = continued(messages.map(withReasoning), options.continueFinalMessage, parsed.source);
  const interpreter = new Interpreter();
  const scope = new Scope(contextScope(specials, open, options));
  const rendered = reporting(
    parsed.source,
    () => interpreter.at,
    () => interpreter.run(parsed.body, scope),
  );
  return open.text === undefined ? rendered : cutAtTag(rendered, open.text);
}

const RESERVED = new Set(["messages", "tools", "add_generation_prompt"]);

/** What the template can see before it sets anything itself. */
function contextScope(specials: Specials, open: Continued, options: RenderOptions): Scope {
  const scope = new Scope();
  for (const [name, value] of globals(options.now ?? new Date())) scope.set(name, value);
  for (const [name, token] of Object.entries(specials))
    if (token !== undefined) scope.set(`${name}_token`, text(token));
  const prompt = options.addGenerationPrompt ?? !options.continueFinalMessage;
  if (prompt && options.continueFinalMessage) {
    throw new DeadliftError(
      "InvalidArgument",
      "expected only one of addGenerationPrompt and continueFinalMessage, received both",
    );
  }
  const values: [string, Value][] = [
    ["messages", list(open.messages.map(messageValue))],
    ["tools", options.tools === undefined ? NONE : toValue(options.tools, "tools")],
    ["documents", NONE],
    ["add_generation_prompt", prompt],
  ];
  for (const [name, value] of Object.entries(options.variables ?? {})) {
    if (RESERVED.has(name))
      throw new DeadliftError(
        "InvalidArgument",
        expected(`a name other than ${[...RESERVED].join(", ")}`, "variables", name),
      );
    if (value !== undefined) values.push([name, toValue(value, `variables.${name}`)]);
  }
  for (const [name, value] of values) scope.set(name, value);
  return scope;
}

/** Turns failures inside into errors that say where in the template they happened. */
function reporting<T>(source: string, at: () => number | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateFailure) {
      const where = error.at ?? at() ?? 0;
      throw new DeadliftError("InvalidTemplate", `${error.message} (chat template, ${position(source, where)})`, {
        cause: error,
      });
    }
    if (error instanceof LimitFailure) throw new DeadliftError("LimitExceeded", error.message, { cause: error });
    // V8 says so when the stack is full or a string or array too long.
    if (error instanceof RangeError) {
      throw new DeadliftError(
        "LimitExceeded",
        "expected a chat template of moderate depth, received one that overflows the stack",
        { cause: error },
      );
    }
    throw error;
  }
}
