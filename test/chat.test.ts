// Chat templates: choosing one, what a conversation may be, and the options of rendering.

import { describe, expect, it } from "vitest";
import { selectTemplate } from "../src/chat/select.js";
import { chatTemplate, type Message, type RenderOptions } from "../src/chat/template.js";

const ECHO =
  "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}{% if add_generation_prompt %}>{% endif %}";
const hi: Message[] = [{ role: "user", content: "hi" }];

function render(source: string, options: RenderOptions = {}, messages: Message[] = hi): string {
  return chatTemplate(source, { bos: "<s>", pad: "<pad>" }).render(messages, options);
}

describe("selectTemplate", () => {
  const list = [
    { name: "default", template: "D" },
    { name: "tool_use", template: "T" },
    { name: "rag", template: "R" },
  ];

  it("takes the only template for everything", () => {
    const odd = { name: "odd", template: "O" };
    expect(selectTemplate([odd])).toBe(odd);
    expect(selectTemplate([odd], { tools: true })).toBe(odd);
  });

  it("takes tool_use when there are tools, and a template by name", () => {
    expect(selectTemplate(list).template).toBe("D");
    expect(selectTemplate(list, { tools: true }).template).toBe("T");
    expect(selectTemplate(list.slice(0, 1).concat(list.slice(2)), { tools: true }).template).toBe("D");
    expect(selectTemplate(list, { tools: true, name: "rag" }).template).toBe("R");
  });

  it("says which templates there are", () => {
    expect(() => selectTemplate([])).toThrow(expect.objectContaining({ code: "NoChatTemplate" }));
    expect(() => selectTemplate([])).toThrow("received a model without chat templates");
    expect(() => selectTemplate(list, { name: "nope" })).toThrow('"default", "tool_use", "rag"');
  });
});

describe("render", () => {
  it("ends with the generation prompt unless told otherwise", () => {
    expect(render(ECHO)).toBe("[user:hi]>");
    expect(render(ECHO, { addGenerationPrompt: false })).toBe("[user:hi]");
  });

  it("gives the template special tokens, tools, variables and the clock", () => {
    expect(render("{{ bos_token }}{{ pad_token }}[{{ eos_token }}]{{ tools is none }}{{ documents is none }}")).toBe(
      "<s><pad>[]TrueTrue",
    );
    const tools = [{ type: "function" as const, function: { name: "f", parameters: {} } }];
    expect(render("{{ tools[0].function.name }}", { tools })).toBe("f");
    expect(render("{{ enable_thinking }}{{ n }}{{ f }}", { variables: { enable_thinking: false, n: 3, f: 0.5 } })).toBe(
      "False30.5",
    );
    expect(render("{{ strftime_now('%H:%M') }}", { now: new Date(2024, 0, 1, 7, 5) })).toBe("07:05");
    expect(render("{{ bos_token }}", { variables: { bos_token: "B" } })).toBe("B");
  });

  it("passes parts, reasoning and unknown fields on", () => {
    const messages: Message[] = [
      { role: "user", content: [{ type: "text", text: "a" }], extra: { x: 1 } },
      { role: "assistant", content: null, reasoning_content: "because", tool_calls: undefined as never },
    ];
    const source =
      "{{ messages[0].content[0].text }}{{ messages[0].extra.x }}{{ messages[1].thinking }}{{ 'tool_calls' in messages[1] }}";
    expect(render(source, {}, messages)).toBe("a1becauseFalse");
  });

  it("continues the final message", () => {
    const messages: Message[] = [...hi, { role: "assistant", content: "One, " }];
    const source = "{% for m in messages %}[{{ m.content }}]{% endfor %}";
    expect(render(source, { continueFinalMessage: true }, messages)).toBe("[hi][One, ");
    const trimming = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}";
    expect(render(trimming, { continueFinalMessage: true }, messages)).toBe("[hi][One,");
    const thinking: Message[] = [...hi, { role: "assistant", content: "", reasoning_content: "so" }];
    const reasoning = "{{ messages[-1].reasoning_content }}</think>";
    expect(render(reasoning, { continueFinalMessage: "reasoning_content" }, thinking)).toBe("so");
    const otherName = "{{ messages[-1].thinking }}</think>";
    expect(render(otherName, { continueFinalMessage: "reasoning_content" }, thinking)).toBe("so");
    const parts: Message[] = [{ role: "assistant", content: [{ type: "text", text: "go" }] }];
    expect(render("{{ messages[0].content[0].text }}<e>", { continueFinalMessage: true }, parts)).toBe("go");
    expect(messages[1]!.content).toBe("One, ");
  });

  it("refuses to continue what the template leaves out", () => {
    const options = { continueFinalMessage: true };
    expect(() => render("{{ messages[0].content | upper }}", options)).toThrow(
      "the chat template leaves it out or changes it",
    );
    expect(() => render(ECHO, options, [{ role: "assistant", content: null }])).toThrow("a final message with content");
    expect(() => render(ECHO, { ...options, addGenerationPrompt: true })).toThrow("expected only one of");
  });

  it("renders 2000 messages in well under a second", () => {
    const messages = Array.from({ length: 2000 }, (_, i) => ({
      role: i % 2 ? "assistant" : "user",
      content: `message ${i}`,
    }));
    const start = performance.now();
    expect(render(ECHO, {}, messages).length).toBeGreaterThan(30_000);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("what is not a conversation", () => {
  const invalid = expect.objectContaining({ code: "InvalidArgument" });
  it.each<[string, unknown, string]>([
    ["no array", "hi", 'expected an array of at least one message for messages, received "hi"'],
    ["no message", [], "expected an array of at least one message for messages"],
    ["no object", ["hi"], 'expected an object with role and content for messages[0], received "hi"'],
    ["no role", [{ content: "x" }], "expected a non-empty string for messages[0].role, received undefined"],
    ["no content", [{ role: "user" }], "expected a string or an array of text parts for messages[0].content"],
    ["a number as content", [{ role: "user", content: 5 }], "messages[0].content, received 5"],
    [
      "an image",
      [{ role: "user", content: [{ type: "image" }] }],
      '{ type: "text", text: string } for messages[0].content[0]',
    ],
    ["a call without function", [{ role: "assistant", tool_calls: [{}] }], "messages[0].tool_calls[0].function"],
    [
      "a call without name",
      [{ role: "assistant", tool_calls: [{ function: { arguments: {} } }] }],
      "tool_calls[0].function.name",
    ],
    [
      "numeric arguments",
      [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: 5 } }] }],
      "an object or JSON text",
    ],
    ["a numeric id", [{ role: "tool", content: "", tool_call_id: 5 }], "messages[0].tool_call_id"],
    ["a function as value", [{ role: "user", content: "", extra: () => 1 }], "a JSON value for messages[0].extra"],
  ])("%s", (_, messages, message) => {
    expect(() => render(ECHO, {}, messages as Message[])).toThrow(invalid);
    expect(() => render(ECHO, {}, messages as Message[])).toThrow(message);
  });

  it("refuses broken tools, reserved variables and endless values", () => {
    expect(() => render(ECHO, { tools: "x" as never })).toThrow("an array of tools for tools");
    expect(() => render(ECHO, { tools: [{ type: "function" } as never] })).toThrow("tools[0].function");
    expect(() => render(ECHO, { variables: { messages: [] } })).toThrow(invalid);
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(() => render(ECHO, { variables: { loop } })).toThrow("at most 64 levels");
    expect(() => chatTemplate(5 as never)).toThrow(invalid);
  });
});
