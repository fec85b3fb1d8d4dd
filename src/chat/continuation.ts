// Leaves the last message of a conversation open, as transformers' continue_final_message does: by a tag behind it.

import { DeadliftError, expected } from "../error.js";
import { strip } from "./jinja/string_parts.js";
import type { Text } from "./jinja/text.js";
import type { Message, TextPart } from "./message.js";

const TAG = "CONTINUE_FINAL_MESSAGE_TAG ";
const REASONING = ["reasoning_content", "thinking", "reasoning"];

export interface Continued {
  messages: readonly Message[];
  /** The text that goes on, or undefined where nothing does. */
  text: string | undefined;
}

export function continued(
  messages: readonly Message[],
  field: boolean | string | undefined,
  template: string,
): Continued {
  if (!field) return { messages, text: undefined };
  const name = field === true ? "content" : field;
  const last = messages.at(-1)!;
  const value = last[name];
  if (value === undefined || value === null) invalid(`a final message with ${name}`, last);
  const names = REASONING.includes(name) ? REASONING.filter((other) => last[other] === value) : [name];
  if (!names.some((other) => template.includes(other))) {
    throw new DeadliftError(
      "InvalidTemplate",
      `expected a chat template that reads "${name}" of messages, to continue the final one`,
    );
  }
  const open = { ...last };
  let text = value;
  if (Array.isArray(value)) {
    const at = value.findLastIndex((part: TextPart) => typeof part?.text === "string");
    if (at < 0) invalid("a text part in the final message", value);
    text = (value[at] as TextPart).text;
    open[name] = value.with(at, { ...value[at], text: `${text}${TAG}` });
  } else if (typeof value === "string") for (const other of names) open[other] = value + TAG;
  else invalid("text in the final message", value);
  return { messages: [...messages.slice(0, -1), open], text: text as string };
}

function invalid(what: string, received: unknown): never {
  throw new DeadliftError("InvalidArgument", expected(what, "continueFinalMessage", received));
}

/** The prompt up to the end of the open message. */
export function cutAtTag(rendered: Text, text: string): Text {
  const at = rendered.value.lastIndexOf(TAG.trim());
  if (at < 0 || !rendered.value.includes(text.trim())) {
    throw new DeadliftError(
      "InvalidTemplate",
      "expected the final message in the prompt, to continue it; the chat template leaves it out or changes it",
    );
  }
  const cut = rendered.slice(0, at);
  return rendered.value.startsWith(TAG, at) ? cut : strip(cut, undefined, false, true);
}
