// A chat template is a stranger's program: it ends, stays small, and sees nothing of JavaScript.

import { describe, expect, it } from "vitest";
import { chatTemplate } from "../src/chat/template.js";
import { DeadliftError } from "../src/error.js";

function outcome(source: string, variables: Record<string, unknown> = {}): { code: string; message: string } {
  try {
    chatTemplate(source).render([{ role: "user", content: "Hello" }], { variables });
  } catch (error) {
    if (error instanceof DeadliftError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "none", message: "" };
}

const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times);

/** Two values of 2^60 members, each in the memory of sixty. */
const doubled = (member: string) =>
  `{% set ns = namespace(a=(1, 1), b=(1, 1)) %}{% for i in range(60) %}{% set ns.a = ${member} %}` +
  `{% set ns.b = ${member.replaceAll("ns.a", "ns.b")} %}{% endfor %}`;
const often = (value: string) => `{% for i in range(99999) %}{% set x = ${value} %}{% endfor %}`;
const keeping = (value: string, before = "") =>
  `{% set ns = namespace(l=[]) %}{% for i in range(9999) %}${before}{% set ns.l = [ns.l, ${value}] %}{% endfor %}`;

describe("hostile templates", () => {
  it.each([
    ["a long range", "{% for i in range(10**9) %}{% endfor %}", "range"],
    ["nested loops", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "steps"],
    [
      "doubling a string",
      "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "text",
    ],
    [
      "doubling a list",
      "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "items",
    ],
    ["repeating a string", "{{ 'x' * 10**9 }}", "text"],
    ["repeating a list", "{{ [1] * 10**9 }}", "items"],
    ["a long output", "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}", "text"],
    ["padding", "{{ 'x'.center(10**9) }}", "text"],
    ["padding by format", "{{ '%999999999d' % 1 }}", "text"],
    ["padding by braces", "{{ '{:999999999}'.format(1) }}", "text"],
    ["filling with zeros", "{{ 'x'.zfill(10**9) }}", "text"],
    ["indenting", "{{ 'a\nb' | indent(10**9) }}", "text"],
    ["indenting JSON", "{{ [[[1]]] | tojson(indent=10**9) }}", "text"],
    ["growing by replacement", "{{ ('a' * 99999).replace('a', 'b' * 99999) }}", "text"],
    ["growing by joining", "{{ ('b' * 99999).join(['a'] * 99999) }}", "text"],
    ["filling a batch", "{{ [1] | batch(10**9, 0) | list }}", "items"],
    ["many slices", "{{ [1] | slice(10**9) | list }}", "items"],
    ["a large power", "{{ 2 ** (10**9) }}", "bits"],
    [
      "growing integers",
      "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
      "bits",
    ],
    ["endless macros", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "depth"],
    ["endless recursive loops", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "depth"],
    [
      "work without output",
      "{% for i in range(99999) %}{% for j in range(999) %}{% set x = i * j %}{% endfor %}{% endfor %}",
      "steps",
    ],
    [
      "searching long lists",
      "{% set l = range(99999) | list %}{% for i in range(99999) %}{{ '' if -1 in l }}{% endfor %}",
      "steps",
    ],
    [
      "searching long strings",
      "{% set s = 'a' * 9999999 %}{% for i in range(99999) %}{{ '' if 'b' in s }}{% endfor %}",
      "steps",
    ],
    [
      "methods of long strings",
      "{% set s = 'a' * 9999999 %}{% for i in range(99999) %}{% set x = s.count('b') %}{% endfor %}",
      "steps",
    ],
    ["comparing what holds itself many times over", `${doubled("[ns.a, ns.a]")}{{ ns.a == ns.b }}`, "steps"],
    ["looking for it", `${doubled("[ns.a, ns.a]")}{{ ns.a in [ns.b] }}`, "steps"],
    ["counting it", `${doubled("[ns.a, ns.a]")}{{ [ns.a].count(ns.b) }}`, "steps"],
    ["sorting it", `${doubled("[ns.a, ns.a]")}{{ [ns.a, ns.b] | sort | length }}`, "steps"],
    ["it as a key", `${doubled("(ns.a, ns.a)")}{{ {ns.a: 1} }}`, "steps"],
    ["looking into long strings of wide characters", `{% set s = '😀' * 8000000 %}${often("s[i]")}`, "steps"],
    ["trimming", `{% set s = ' ' * 9999999 %}${often("s | trim")}`, "steps"],
    ["JSON of long strings", `{% set s = ['a' * 999999] * 9 %}${often("s | tojson")}`, "steps"],
    ["printing lists of long strings", `{% set s = ['a' * 9999999] %}${often("s | string")}`, "steps"],
    ["splitting lines", `{% set s = 'a\\n' * 400000 %}${often("s.splitlines()")}`, "steps"],
    ["keeping long results", `{% set s = 'ä' * 9999999 %}${keeping("(s ~ i) | upper")}`, "steps"],
    [
      "keeping long blocks",
      keeping("x", "{% set x %}{% for j in range(9) %}{{ 'ä' * 999999 }}{% endfor %}{% endset %}"),
      "steps",
    ],
    ["replacing every character", "{{ ('a' * 9999999).replace('a', 'b') }}", "steps"],
    ["formatting the time", "{{ strftime_now('%c' * 999999) }}", "steps"],
    ["brackets", `{{ ${deep("(", ")", 5000)} }}`, "nesting"],
    ["blocks", deep("{% if x %}", "{% endif %}", 5000), "nesting"],
    ["negations", `{{ ${"not ".repeat(5000)}x }}`, "nesting"],
    ["signs", `{{ ${"-".repeat(5000)}1 }}`, "nesting"],
    ["targets", `{% set ${deep("(", ")", 5000)} = 1 %}`, "nesting"],
    ["source", "x".repeat(5_000_000), "source"],
  ])("%s", { timeout: 60_000 }, (_, source, name) => {
    const { code, message } = outcome(source);
    expect(code, message).toBe("LimitExceeded");
    expect(message).toContain(`limit "${name}"`);
  });

  it("cuts a text of many origins in time that grows with its length", { timeout: 60_000 }, () => {
    const render = (source: string) => chatTemplate(source).render([{ role: "user", content: "x" }]);
    const many = "{% set t = (messages[0].content ~ 'a,') * 200000 %}";
    const started = performance.now();
    expect(render(`${many}{{ t.split(',') | length }}{% for c in t %}{% endfor %}`)).toBe("200001");
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(() => render(`${many}{{ t | upper }}`)).toThrow(expect.objectContaining({ code: "LimitExceeded" }));
  });

  it("still renders a conversation of a million tokens", { timeout: 60_000 }, () => {
    const source = `{%- set ns = namespace(all='') -%}{%- for m in messages -%}
      {%- set text = m.content.split('</think>')[-1].lstrip('\\n') | trim -%}
      {%- if '<tool>' in text %}{{ text | tojson }}{% endif -%}
      {%- set ns.all = ns.all ~ '<|' ~ m.role ~ '|>' ~ text -%}
    {%- endfor -%}{{ ns.all }}`;
    const messages = Array.from({ length: 2000 }, () => ({ role: "user", content: "some words here\n".repeat(125) }));
    expect(chatTemplate(source).render(messages).length).toBe(2000 * (8 + 125 * 16 - 1));
  });

  it.each([
    [
      "deep values",
      "{% set ns = namespace(x=[]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    ],
    ["chains of operators", `{{ ${"1 + ".repeat(50_000)}1 }}`],
    ["chains of attributes", `{{ x${".a".repeat(50_000)} }}`],
  ])("%s fail cleanly", (_, source) => {
    expect(["LimitExceeded", "InvalidTemplate", "none"]).toContain(outcome(source).code);
  });

  it.each([
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "__class__",
    "call",
    "value",
  ])("finds nothing behind %s", (name) => {
    const values = [
      "messages",
      "messages[0]",
      "messages[0].content",
      "1",
      "1.5",
      "true",
      "none",
      "range",
      "(1, 2)",
      "loop",
      "ns",
    ];
    for (const value of values) {
      const source = `{% set ns = namespace() %}{% for loop2 in [1] %}[{{ (${value}).${name} }}{{ (${value})['${name}'] }}]{% endfor %}`;
      const render = () => chatTemplate(source).render([{ role: "user", content: "x" }]);
      try {
        expect(render()).toBe("[]");
      } catch (error) {
        expect(error).toMatchObject({ code: "InvalidTemplate" });
      }
    }
    expect(chatTemplate(`[{{ ${name} }}]`).render([{ role: "user", content: "x" }])).toBe("[]");
    expect(outcome(`{{ 'a' | ${name} }}`).message).toContain(`No filter named '${name}'`);
    expect(outcome(`{{ 'a' is ${name} }}`).message).toContain(`No test named '${name}'`);
  });

  it("does not read the prototypes of values given to it", () => {
    const source = "[{{ x.secret }}][{{ x.own }}]";
    const x = Object.assign(Object.create({ secret: 1 }), { own: 2 });
    expect(chatTemplate(source).render([{ role: "user", content: "x" }], { variables: { x } })).toBe("[][2]");
  });
});

describe("mistakes in templates", () => {
  it.each([
    ["ok\n  {% if %}", "line 2, column 9"],
    ["{{ 'a' }}\n\n{{ raise_exception('no') }}", "no (chat template, line 3, column 19)"],
    ["a\n{{ missing.x }}", "'missing' is undefined (chat template, line 2"],
    ["{% for %}", "line 1"],
    ["{% include 'x' %}", "the tag 'include' is not supported"],
    ["{{ [3, 1] | random }}", "the filter 'random' is not supported"],
    ["{{ 'a'.encode() }}", "str.encode is not supported"],
    ["{{ range }}", "printing a function (Python prints its address) is not supported"],
  ])("%s", (source, message) => {
    const received = outcome(source);
    expect(received.code).toBe("InvalidTemplate");
    expect(received.message).toContain(message);
  });
});
