// What a conversation is made of, and how it becomes values that a template can see.

import { DeadliftError, expected } from "../error.js";
import { Text } from "./jinja/text.js";
import { Dict, list, NONE, text, type Value } from "./jinja/value.js";

export interface TextPart {
  type: "text";
  text: string;
}

export interface ToolCall {
  id?: string;
  type?: "function";
  /** Templates differ in whether they expect the arguments parsed or as JSON text; both are passed on as given. */
  function: { name: string; arguments: Record<string, unknown> | string };
}

export interface Message {
  /** "system", "user", "assistant", "tool", or another that the template knows. */
  role: string;
  /** May be null or absent where an assistant only calls tools. */
  content?: string | TextPart[] | null;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  name?: string;
  reasoning_content?: string;
  /** Templates may know more fields; JSON values are passed on. */
  [field: string]: unknown;
}

/** OpenAI's function schema. */
export interface Tool {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown>; [field: string]: unknown };
}

/**
 * Templates print roles between the halves of special tokens ("<|" + role + "|>"), so these words count as the
 * template's own text. Any other role counts as content.
 */
const ROLES = new Set([
  "system",
  "developer",
  "user",
  "assistant",
  "tool",
  "function",
  "ipython",
  "model",
  "tool_results",
]);

/** Deeper JSON than this is a mistake or an attack. */
const MAX_DEPTH = 64;

function invalid(what: string, name: string, received: unknown): never {
  throw new DeadliftError("InvalidArgument", expected(what, name, received));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws InvalidArgument unless `messages` is a conversation. */
export function validateMessages(messages: unknown): asserts messages is Message[] {
  if (!Array.isArray(messages) || messages.length === 0)
    invalid("an array of at least one message", "messages", messages);
  messages.forEach((message, i) => {
    validateMessage(message, `messages[${i}]`);
  });
}

function validateMessage(message: unknown, name: string): void {
  if (!isObject(message)) invalid("an object with role and content", name, message);
  if (typeof message.role !== "string" || message.role === "")
    invalid("a non-empty string", `${name}.role`, message.role);
  validateContent(message.content, message.role, `${name}.content`);
  for (const field of ["tool_call_id", "name", "reasoning_content"]) {
    const value = message[field];
    if (value !== undefined && value !== null && typeof value !== "string")
      invalid("a string", `${name}.${field}`, value);
  }
  if (message.tool_calls === undefined || message.tool_calls === null) return;
  if (!Array.isArray(message.tool_calls)) invalid("an array of tool calls", `${name}.tool_calls`, message.tool_calls);
  message.tool_calls.forEach((call, i) => {
    validateCall(call, `${name}.tool_calls[${i}]`);
  });
}

function validateContent(content: unknown, role: string, name: string): void {
  if (content === undefined || content === null) {
    if (role !== "assistant") invalid("a string or an array of text parts", name, content);
  } else if (Array.isArray(content)) {
    content.forEach((part, i) => {
      const isText = isObject(part) && part.type === "text" && typeof part.text === "string";
      if (!isText) invalid('{ type: "text", text: string }', `${name}[${i}]`, part);
    });
  } else if (typeof content !== "string") invalid("a string or an array of text parts", name, content);
}

function validateCall(call: unknown, name: string): void {
  if (!isObject(call)) invalid("an object with a function", name, call);
  if (!isObject(call.function)) invalid("an object with name and arguments", `${name}.function`, call.function);
  const { name: callee, arguments: args } = call.function;
  if (typeof callee !== "string") invalid("a string", `${name}.function.name`, callee);
  if (!isObject(args) && typeof args !== "string")
    invalid("an object or JSON text", `${name}.function.arguments`, args);
}

/** Throws InvalidArgument unless `tools` are function schemas. */
export function validateTools(tools: unknown): asserts tools is Tool[] {
  if (!Array.isArray(tools)) invalid("an array of tools", "tools", tools);
  tools.forEach((tool, i) => {
    if (!isObject(tool)) invalid('{ type: "function", function: {...} }', `tools[${i}]`, tool);
    if (!isObject(tool.function)) invalid("an object with a name", `tools[${i}].function`, tool.function);
    if (typeof tool.function.name !== "string") invalid("a string", `tools[${i}].function.name`, tool.function.name);
  });
}

/** JSON as a template sees it; every string counts as content, never as the template's own text. */
export function toValue(value: unknown, name: string, depth = 0): Value {
  if (depth > MAX_DEPTH) invalid(`at most ${MAX_DEPTH} levels`, name, "deeper ones");
  if (value === null) return NONE;
  if (typeof value === "boolean" || typeof value === "bigint") return value;
  if (typeof value === "string") return Text.content(value);
  // JSON.stringify would write 1e20 without a point, so Python would read an int as well.
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value) : value;
  if (Array.isArray(value)) return list(value.map((item, i) => toValue(item, `${name}[${i}]`, depth + 1)));
  if (!isObject(value)) return invalid("a JSON value", name, value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return new Dict(
    entries.map(([key, item]) => [Text.content(key), toValue(item, `${name}.${key}`, depth + 1)] as const),
  );
}

const REASONING = ["reasoning_content", "thinking", "reasoning"];

/** Reasoning under the names that templates read, as transformers fills them in. */
export function withReasoning(message: Message): Message {
  const reasoning = REASONING.map((name) => message[name]).find((value) => value !== undefined && value !== null);
  if (reasoning === undefined) return message;
  return { thinking: reasoning, ...message, reasoning_content: reasoning as string };
}

export function messageValue(message: Message, index: number): Dict {
  const value = toValue(message, `messages[${index}]`) as Dict;
  if (!ROLES.has(message.role)) return value;
  return new Dict(
    value.entries().map(([key, item]) => [key, (key as Text).value === "role" ? text(message.role) : item] as const),
  );
}
