// Each construct of the template language gives what Python's jinja2 gives, as transformers sets it up.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chatTemplate } from "../src/chat/template.js";
import { NOW } from "./fixtures/chat/clock.js";

const read = (name: string) => readFileSync(new URL(`./fixtures/chat/${name}`, import.meta.url), "utf8");

const { variables, ...goldens } = JSON.parse(read("constructs.golden.json"));

const sections = read("constructs.txt")
  .split("=== ")
  .slice(1)
  .map((section) => {
    const end = section.indexOf("\n");
    return [section.slice(0, end), section.slice(end + 1).replace(/\n$/, "")] as const;
  });

/** Where the error is ours: it says more, or it is a limit. */
const OWN_WORDS: Record<string, string> = {
  "ternary without else fails on use": "the inline if-expression evaluated to false and no else section was defined.",
  "range too long fails": 'expected at most 100000 (limit "range") in a chat template, received 1000000',
  "break outside a loop fails": "'break' outside loop (chat template, line 1, column 4)",
  "unexpected character fails": "unexpected char '?' (chat template, line 1, column 6)",
};

function render(source: string): string {
  const template = chatTemplate(source, { bos: "<s>", eos: "</s>" });
  return template.render([{ role: "user", content: "Hello" }], { variables, now: NOW });
}

describe("constructs of chat templates", () => {
  it("has a golden for every construct", () => {
    expect(sections.map(([name]) => name)).toEqual(Object.keys(goldens));
  });

  it.each(sections)("%s", (name, source) => {
    const golden = goldens[name];
    if (golden.text !== undefined) {
      expect(render(source)).toBe(golden.text);
      return;
    }
    const code = name.startsWith("range too long") ? "LimitExceeded" : "InvalidTemplate";
    expect(() => render(source)).toThrow(expect.objectContaining({ code }));
    expect(() => render(source)).toThrow(OWN_WORDS[name] ?? golden.message);
  });
});
