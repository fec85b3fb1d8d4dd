// MODELS.md names every model type that runs, with published examples, and no other.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { modelTypes } from "../src/formats/families/index.js";

const page = readFileSync(new URL("../MODELS.md", import.meta.url), "utf8");
const facts: Record<string, object> = JSON.parse(
  readFileSync(new URL("models_page/models.json", import.meta.url), "utf8"),
);
const rows = new Map([...page.matchAll(/^\| `([\w.-]+)` \| (.*) \|$/gm)].map(([, type, rest]) => [type!, rest!]));

describe("MODELS.md (npm run models)", () => {
  it("has a row for every model type, and for no other", () => {
    expect([...rows.keys()].sort()).toEqual([...modelTypes.keys()].sort());
  });

  it.each([...modelTypes.keys()])("%s: has an example, and a difference that was measured", (type) => {
    expect(Object.keys(facts)).toContain(type);
    expect(rows.get(type)).toMatch(/^`[\w.-]+\/[\w.-]+`/);
    expect(rows.get(type)).toMatch(/\d+e-\d+|as its relatives/);
  });
});
