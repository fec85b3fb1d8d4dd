// Every kernel compiles, with every type and in every variant: on Dawn's null backend, which checks everything, needs no
// driver and computes nothing.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Variant, variants } from "../../src/backends/webgpu/device.js";
import { Kernels, kernelText } from "../../src/backends/webgpu/kernels.js";
import { layouts } from "../../src/backends/webgpu/layouts.js";
import type { DeadliftError } from "../../src/error.js";
import { closeGpu, openGpu } from "./device.js";

const gpu = await openGpu({ backend: "null" }).catch(({ message }: DeadliftError) => message);
afterAll(closeGpu);

const folder = join(import.meta.dirname, "../../kernels/webgpu");
const stems = (of: string) =>
  readdirSync(join(folder, of))
    .filter((name) => name.endsWith(".wgsl"))
    .map((name) => name.replace(/\.wgsl$/, ""));

const kvTypes = stems("kv").map((name) => name.replace(new RegExp(`_(${variants.join("|")})$`), ""));

/** What may stand for a part that kernels only call by its role. */
const roles: Readonly<Record<string, readonly string[]>> = {
  quant: [...new Set(Object.values(layouts).map(({ decode }) => `quants/${decode}`))],
  kv: [...new Set(kvTypes)].map((name) => `kv/${name}`),
  team: [1, 32, 256].map((threads) => `lib/team_${threads}`),
};

/** Roles that only go together, some with types of their own; those of lower/forms.ts, then of lower/experts.ts. */
const products = ["linear", "linear_glu", "linear_three"];
const together: Readonly<Record<string, readonly Record<string, string>[]>> = {
  linear_vec: [
    ...products.flatMap((product) =>
      ["one_token", "four_tokens"].map((tokens) => ({ product: `lib/${product}`, tokens: `lib/${tokens}` })),
    ),
    ...products.flatMap((product) =>
      ["one_token_bytes", "four_tokens_bytes"].flatMap((tokens) =>
        stems("bytes").map((quant) => ({
          ...{ product: `lib/${product}`, tokens: `lib/${tokens}` },
          quant: `bytes/${quant}`,
        })),
      ),
    ),
    ...["expert_linear", "expert_glu"].map((product) => ({
      ...{ product: `lib/${product}`, tokens: "lib/pairs", results: "lib/pairs" },
    })),
  ],
  linear_matrices: products.flatMap((product) =>
    [8, 16].map((side) => ({ product: `lib/${product}`, matrix: `lib/matrix_${side}` })),
  ),
  linear_many: [
    ...products.map((product) => ({ product: `lib/${product}`, many: "lib/many_tokens" })),
    ...["expert_linear", "expert_glu"].map((product) => ({
      ...{ product: `lib/${product}`, many: "lib/many_pairs", expert_of: "lib/expert_listed" },
    })),
  ],
};

const endings = new RegExp(
  `_(${variants.join("|")}|${Object.values(layouts)
    .map(({ decode }) => decode)
    .join("|")})$`,
);

/** Names as lower/ says them: without the variant, and without the type that a file is for. */
const kernels = [
  ...new Set(stems(".").map((stem) => stem.replace(new RegExp(`_(${variants.join("|")})$`), "").replace(endings, ""))),
];

/** All texts that a kernel can become. */
function textsOf(name: string): Map<string, { variants: readonly Variant[]; parts: Record<string, string> }> {
  const texts = new Map();
  const sets: readonly (readonly Variant[])[] = [variants.slice(0, 2), ["subgroups"], [], ["serial"]];
  for (const set of sets) {
    for (const parts of partsOf(name)) {
      const text = kernelText(name, parts, set);
      if (!texts.has(text)) texts.set(text, { variants: set, parts });
    }
  }
  return texts;
}

const withTables = Object.values(layouts).flatMap(({ decode, grids }) => (grids ? [`quants/${decode}`] : []));

/** lower/threes.ts leaves out types that bind a buffer more. */
function fits(product: string, quant: string): boolean {
  return product !== "lib/linear_three" || !withTables.includes(quant);
}

function partsOf(name: string): Record<string, string>[] {
  const sets = together[name];
  if (sets) {
    return sets.flatMap((parts) => {
      const quants = "quant" in parts ? [parts.quant!] : roles.quant!;
      return quants.filter((quant) => fits(parts.product!, quant)).map((quant) => ({ ...parts, quant }));
    });
  }
  const files = stems(".").filter((stem) => stem === name || stem.startsWith(`${name}_`));
  const used = new Set(
    files.flatMap((stem) =>
      [...readFileSync(join(folder, `${stem}.wgsl`), "utf8").matchAll(/^\/\/ uses: (.+)$/gm)].flatMap(([, list]) =>
        list!.split(/, */),
      ),
    ),
  );
  return Object.entries(roles)
    .filter(([role]) => used.has(role))
    .reduce<Record<string, string>[]>(
      (all, [role, choices]) => all.flatMap((parts) => choices.map((one) => ({ ...parts, [role]: one }))),
      [{}],
    );
}

describe.skipIf(typeof gpu === "string")(`compiles${typeof gpu === "string" ? ` (${gpu})` : ""}`, () => {
  it.each(kernels)("%s", async (name) => {
    const texts = [...textsOf(name).values()];
    expect(texts.length).toBeGreaterThan(0);
    const { device } = gpu as Exclude<typeof gpu, string>;
    for (const set of new Set(texts.map((one) => one.variants))) {
      const made = new Kernels(device, set);
      for (const { parts } of texts.filter((one) => one.variants === set)) await made.get(name, parts);
    }
  });
});
