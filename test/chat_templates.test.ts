// The prompts of published templates are those of Python's transformers. Goldens: fixtures/chat/make.py.

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chatTemplate, type Message, type RenderOptions, type Tool } from "../src/chat/template.js";
import { NOW } from "./fixtures/chat/clock.js";

const templates = new URL("../../shared/templates/", import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/chat/${name}`, import.meta.url), "utf8"));

interface Conversation {
  messages: Message[];
  tools?: true | Tool[];
  add_generation_prompt?: boolean;
  continue_final_message?: boolean;
  variables?: Record<string, unknown>;
}

interface Golden {
  text?: string;
  error?: string;
  message?: string;
}

const given: { tools: Tool[]; conversations: Record<string, Conversation> } = read("conversations.json");
const goldens: Record<string, Record<string, Golden>> = read("templates.golden.json");

function optionsOf(conversation: Conversation): RenderOptions {
  return {
    tools: conversation.tools === true ? given.tools : conversation.tools,
    addGenerationPrompt: conversation.add_generation_prompt,
    continueFinalMessage: conversation.continue_final_message,
    variables: conversation.variables,
    now: NOW,
  };
}

// The templates are other people's work and not part of this repository.
const reason = existsSync(templates) ? "" : " (skipped: no folder ../shared/templates beside the checkout)";

describe.skipIf(reason !== "")(`published chat templates${reason}`, () => {
  for (const [name, results] of Object.entries(goldens)) {
    const template = () =>
      chatTemplate(readFileSync(new URL(`${name}.jinja`, templates), "utf8"), { bos: "<s>", eos: "</s>" });
    it.each(Object.entries(results))(`${name}: %s`, (title, golden) => {
      const conversation = given.conversations[title]!;
      const render = () => template().render(conversation.messages, optionsOf(conversation));
      if (golden.text === undefined) {
        const code = golden.error === "RecursionError" ? "LimitExceeded" : "InvalidTemplate";
        expect(render).toThrow(expect.objectContaining({ code }));
        // What transformers itself says of final messages, and Python of its stack, is said in other words here.
        if (!/^(ValueError|RecursionError)$/.test(golden.error!)) expect(render).toThrow(golden.message!);
        return;
      }
      expect(render()).toBe(golden.text);
      const segments = template().renderSegments(conversation.messages, optionsOf(conversation));
      expect(segments.map(({ text }) => text).join("")).toBe(golden.text);
    });
  }
});
