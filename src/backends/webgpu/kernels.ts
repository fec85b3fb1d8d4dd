// Kernels as text: puts a file of kernels/webgpu together with the parts it names, and makes pipelines of it.

import { existsSync, readFileSync } from "node:fs";
import { DeadliftError } from "../../error.js";
import { packageRoot } from "../../root.js";
import type { Device, Variant } from "./device.js";

const kernelFolder = `${packageRoot}kernels/webgpu`;

/** What a kernel's file says of itself: its parameters in their order, and what it reads and writes. */
interface Declared {
  readonly params: readonly Field[];
  readonly bindings: readonly Binding[];
}

export interface Field {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32" | "vec4u";
}

export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly access: "uniform" | "read-only-storage" | "storage";
}

export interface Kernel extends Declared {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Parts chosen by who asks: `// uses: quant` becomes quants/q4_0.wgsl where `quant` is "quants/q4_0". */
export type Parts = Readonly<Record<string, string>>;

/** The pipelines of one device, each made once. */
export class Kernels {
  readonly #device: Device;
  readonly #variants: readonly Variant[];
  readonly #made = new Map<string, Promise<Kernel>>();

  constructor(device: Device, variants = device.variants) {
    this.#device = device;
    this.#variants = variants;
  }

  /** Throws Internal with the compiler's words. */
  get(name: string, parts: Parts = {}): Promise<Kernel> {
    const key = `${name} ${Object.values(parts).join(" ")}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = this.#make(key, kernelText(name, parts, this.#variants));
    made.catch(() => {});
    this.#made.set(key, made);
    return made;
  }

  async #make(name: string, code: string): Promise<Kernel> {
    const { device } = this.#device;
    const declared = declarations(code);
    const layout = device.createBindGroupLayout({
      label: name,
      entries: declared.bindings.map(({ binding, access }) => ({
        binding,
        visibility: 4, // GPUShaderStage.COMPUTE
        buffer: { type: access },
      })),
    });
    // The pipeline says so, too; without a scope the device would be taken for broken.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: name, code });
    device.popErrorScope().catch(() => {});
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module },
      });
      return { name, pipeline, layout, ...declared };
    } catch (cause) {
      this.#device.check();
      const { messages } = await module.getCompilationInfo();
      const said = messages.map(({ lineNum, linePos, message }) => `${lineNum}:${linePos}: ${message}`);
      throw new DeadliftError("Internal", `kernel ${name}: ${said.join("; ") || (cause as Error).message}`, { cause });
    }
  }
}

/**
 * The whole text of a kernel: each part that a `// uses: a, b` line names comes before, once, and "enable" and "requires"
 * lines first of all. The file of the first variant that exists wins: `norm_subgroups.wgsl` over `norm.wgsl`, with a chosen
 * part before that: `linear_vec_q4_k.wgsl` over `linear_vec.wgsl`.
 */
export function kernelText(name: string, parts: Parts, variants: readonly Variant[]): string {
  const pieces: string[] = [];
  const seen = new Set<string>();
  const add = (one: string) => {
    const path = fileOf(parts[one] ?? one, parts, variants);
    if (seen.has(path)) return;
    seen.add(path);
    const text = fileText(path);
    for (const used of usesOf(text)) add(parts[used] ? used : `lib/${used}`);
    pieces.push(text);
  };
  add(name);
  const isHead = (line: string) => /^(enable|requires) /.test(line);
  const lines = pieces.join("\n").split("\n");
  return [...new Set(lines.filter(isHead)), ...lines.filter((line) => !isHead(line))].join("\n");
}

const texts = new Map<string, string>();
const files = new Map<string, boolean>();

function fileText(path: string): string {
  let text = texts.get(path);
  if (text === undefined) {
    text = readFileSync(path, "utf8");
    texts.set(path, text);
  }
  return text;
}

function exists(path: string): boolean {
  let known = files.get(path);
  if (known === undefined) {
    known = existsSync(path);
    files.set(path, known);
  }
  return known;
}

function fileOf(name: string, parts: Parts, variants: readonly Variant[]): string {
  const stems = [...Object.values(parts).map((part) => `${name}_${part.split("/").at(-1)}`), name];
  for (const ending of [...variants, undefined]) {
    for (const stem of stems) {
      const path = `${kernelFolder}/${stem}${ending ? `_${ending}` : ""}.wgsl`;
      if (exists(path)) return path;
    }
  }
  throw new DeadliftError("Internal", `there is no kernel ${name} in ${kernelFolder}`);
}

function usesOf(text: string): string[] {
  return [...text.matchAll(/^\/\/ uses: (.+)$/gm)].flatMap(([, names]) => names!.split(",").map((one) => one.trim()));
}

/** Read from the text itself, so that it cannot say otherwise. */
function declarations(code: string): Declared {
  const [, fields = ""] = /struct Params \{([^}]*)\}/.exec(code) ?? [];
  const params = [...fields.matchAll(/(\w+): (u32|i32|f32|vec4u)/g)].map(([, name, type]) => ({ name, type }) as Field);
  const bindings = [...code.matchAll(/@group\(0\) @binding\((\d+)\)\s+var<([^>]+)>\s+(\w+)/g)].map(
    ([, binding, space, name]): Binding => ({
      name: name!,
      binding: Number(binding),
      access: space === "uniform" ? "uniform" : space!.includes("read_write") ? "storage" : "read-only-storage",
    }),
  );
  return { params, bindings };
}
