// The commands for texts: keys of --json, plain lines in pipes, one sentence where a model does something else.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deadlift, folder, json, root, tiny } from "./cli_process.js";

const model = (name: string) => join(root, "test/fixtures/texts", name);

describe("embed", () => {
  it("--json has vectors and their dimensions; piped, a vector is a line", async () => {
    const { vectors, dimensions, ...rest } = await json(["embed", model("minilm"), "--text", "A bird", "--text", "x"]);
    expect(rest).toEqual({});
    expect([dimensions, vectors.length, vectors[0].length]).toEqual([32, 2, 32]);
    const { out, status } = await deadlift(["embed", model("minilm"), "--dimensions", "4"], "A bird\nx\n");
    expect(status).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => line.split(" ").length),
    ).toEqual([4, 4]);
  });

  it("takes prompts by name and as texts, and files", async () => {
    const file = join(folder, "lines.txt");
    writeFileSync(file, "bird\nx\n");
    const named = await json(["embed", model("cls-prompts"), "--text-file", file, "--prompt", "query"]);
    const given = await json(["embed", model("cls-prompts"), "--text-file", file, "--prompt-text", "How: "]);
    expect(given).toEqual(named);
    const both = await deadlift([
      "embed",
      model("cls-prompts"),
      "--text",
      "x",
      "--prompt",
      "query",
      "--prompt-text",
      "y",
    ]);
    expect([both.status, both.err]).toEqual([2, expect.stringMatching(/exclude each other/)]);
    const none = await deadlift(["embed", model("minilm"), "--text", "x ".repeat(99)]);
    expect([none.status, none.err]).toEqual([1, expect.stringMatching(/at most 24 tokens/)]);
  });
});

it("rerank", async () => {
  const { query, results, ...rest } = await json(
    ["rerank", model("reranker"), "--query", "bread", "--top", "2"],
    "A bird\nKnead the dough\nbake\n",
  );
  expect(rest).toEqual({});
  expect(query).toBe("bread");
  expect(results.map((one: object) => Object.keys(one))).toEqual(Array(2).fill(["index", "document", "score"]));
  expect(results[0].score).toBeGreaterThan(results[1].score);
});

it("classify, of texts, tokens and masks", async () => {
  const { results } = await json(["classify", model("classifier"), "--text", "bird", "--text", "x", "--top", "2"]);
  expect(results.map((one: object) => Object.keys(one))).toEqual(Array(2).fill(["text", "labels"]));
  expect(results[0].labels).toHaveLength(2);
  const entities = await json(["classify", model("entities"), "--text", "bird"]);
  expect(Object.keys(entities.results[0].tokens[1])).toEqual(["id", "token", "special", "label", "score"]);
  const { out } = await deadlift(["classify", model("masked"), "--text", "a [MASK] bird", "--top", "3"]);
  expect(out.trim().split("\n")).toHaveLength(4);
});

it.each([
  ["embed", [tiny, "--text", "x"], /foretells the next token: .*not embed; load it with/],
  ["chat", [model("minilm")], /a vector for each text/],
  ["generate", [model("classifier"), "--prompt", "x"], /sorts texts into classes/],
  ["rerank", [model("minilm"), "--query", "x", "--document", "y"], /not rerank/],
  ["classify", [tiny, "--text", "x"], /not classify/],
])("%s says what a model does instead", async (command, args, message) => {
  const { status, err } = await deadlift([command, ...args]);
  expect(status).toBe(1);
  expect(err).toMatch(message);
  expect(err.trim().split("\n")).toHaveLength(1);
});
