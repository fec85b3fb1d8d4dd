// Opens a GPU through Dawn (npm webgpu): which adapter, with which limits and features, and what becomes of it.

import { DeadliftError } from "../../error.js";

export interface DeviceOptions {
  /** Part of the adapter's name; default: what the system prefers. */
  readonly adapter?: string | undefined;
  /** "null": no driver at all; everything is validated and nothing computed. */
  readonly backend?: "null" | undefined;
  /** Check every call and every index on the device, as tests do; default: DEADLIFT_GPU_VALIDATION is set. */
  readonly validate?: boolean | undefined;
  /** Kinds of kernels to prefer, best first (kernels.ts); default: those that suit the adapter. */
  readonly variants?: readonly Variant[] | undefined;
  /** Most bytes of a weight in one buffer, as tests make it small; default: what the adapter binds. */
  readonly maxPart?: number | undefined;
}

/**
 * Kinds of kernels, by what they need: "subgroup_matrix" and "subgroups" the features of these names; "serial" has no
 * barriers, which is what software adapters want. A kernel without a file for any of them has one that runs everywhere.
 */
export const variants = ["subgroup_matrix", "subgroups", "serial"] as const;
export type Variant = (typeof variants)[number];

/** What an adapter is called and what it can do. */
export interface AdapterFacts {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** A program on the CPU that looks like a GPU. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Fewest and most lanes of a subgroup; 0 without subgroups. */
  readonly subgroupSizes: readonly [number, number];
  /** Rows and columns of the matrices of F16 that 32 threads multiply into F32; 0: they do not. */
  readonly matrixSide: 0 | 8 | 16;
}

// Collecting the object that create() gives kills the process while a device of it lives.
const alive = new Set<GPU>();

const always = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia", "use_vulkan_memory_model"];
/** Only after tests have run without them: what they leave out are checks. */
const unchecked = [
  ...["skip_validation", "disable_robustness", "disable_workgroup_init"],
  "disable_polyfills_on_integer_div_and_mod",
];
const matrixFeature = "chromium-experimental-subgroup-matrix";
const wantedFeatures = ["shader-f16", "subgroups", "timestamp-query", matrixFeature];
/** Raised to what the adapter has: their defaults are for web pages. */
const wantedLimits = [
  ...["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"],
  ...["maxComputeWorkgroupStorageSize", "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX"],
] as const;

/** Of a binding, whatever the driver says: kernels count its words in 32 bits, and compilers may count its bytes so. */
const mostBytes = 2 ** 32 - 16;

/** A device of this thread, and the means to end it. */
export class Device {
  /** Why it is of no use any more; undefined while it works. */
  #failed: DeadliftError | undefined;
  /** Most bytes of a buffer that kernels read. */
  readonly maxBinding: number;
  /** The same of weights, which are cut. */
  readonly maxPart: number;
  readonly #ended: Promise<void>;

  private constructor(
    readonly gpu: GPU,
    readonly device: GPUDevice,
    readonly facts: AdapterFacts,
    readonly variants: readonly Variant[],
    maxPart = Number.POSITIVE_INFINITY,
  ) {
    alive.add(gpu);
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize, mostBytes);
    this.maxBinding = most - (most % 16);
    this.maxPart = Math.min(maxPart - (maxPart % 16 || 0), this.maxBinding);
    this.#ended = device.lost.then(({ reason, message }) => {
      this.#failed = new DeadliftError(
        "DeviceLost",
        `${facts.name} is lost (${reason}${message ? `: ${message}` : ""}); load the model again`,
      );
    });
    device.onuncapturederror = ({ error }) => {
      // What nobody has asked about: what comes of the device from now on cannot be trusted.
      this.#failed ??= new DeadliftError("Internal", `${facts.name} reports: ${error.message}`);
    };
  }

  /** Throws GpuUnavailable, naming what there is. */
  static async open(options: DeviceOptions = {}): Promise<Device> {
    const { validate = Boolean(process.env.DEADLIFT_GPU_VALIDATION) } = options;
    const { gpu, adapter } = await found({ ...options, validate });
    const facts = factsOf(adapter);
    const features = wantedFeatures.filter((name) => facts.features.includes(name)) as GPUFeatureName[];
    const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, limitOf(adapter, name)]));
    let device: GPUDevice;
    try {
      device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits });
    } catch (cause) {
      const { message } = cause as Error;
      throw new DeadliftError("GpuUnavailable", `${facts.name} gives no device: ${message}`, { cause });
    }
    return new Device(gpu, device, facts, options.variants ?? variantsFor(facts), options.maxPart);
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits;
  }

  has(feature: string): boolean {
    return this.device.features.has(feature);
  }

  /** Throws DeviceLost, or Internal after an error that was nobody's. */
  check(): void {
    if (this.#failed) throw this.#failed;
  }

  /** As `check`, after an error: who waits for a device may hear of its end before this does. */
  async checkAfter(error: unknown): Promise<void> {
    if (!(error instanceof DeadliftError)) await this.device.queue.onSubmittedWorkDone().catch(() => {});
    this.check();
  }

  /** Ends the device; what waits for it fails. */
  async destroy(): Promise<void> {
    this.device.destroy();
    await this.#ended;
    alive.delete(this.gpu);
  }
}

/** Whether this installation has Dawn at all. Throws GpuUnavailable saying why not. */
async function instance({ backend, adapter, validate }: DeviceOptions): Promise<GPU> {
  let dawn: typeof import("webgpu");
  try {
    dawn = await import("webgpu");
  } catch (cause) {
    throw new DeadliftError(
      "GpuUnavailable",
      `the npm package webgpu cannot be loaded on ${process.platform}-${process.arch}: ${(cause as Error).message.split("\n")[0]}`,
      { cause },
    );
  }
  Object.assign(globalThis, dawn.globals);
  const features = validate ? always : [...always, ...unchecked];
  const flags = [`enable-dawn-features=${features.join(",")}`];
  if (backend) flags.push(`backend=${backend}`);
  if (adapter) flags.push(`adapter=${adapter}`);
  return dawn.create(flags);
}

/** The adapter, and the instance it lives by. */
async function found(options: DeviceOptions): Promise<{ gpu: GPU; adapter: GPUAdapter }> {
  const { adapter: name, backend } = options;
  const gpu = await instance(options);
  let adapter: GPUAdapter | null = null;
  let reason = "the system has no driver that Dawn can use";
  try {
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    reason = (error as Error).message.trim();
    const alike = name && namesIn(reason).find((one) => one !== name && includes(one, name));
    if (alike) return found({ ...options, adapter: alike });
  }
  if (adapter) return { gpu, adapter };
  const wanted = name ? `no GPU adapter "${name}"` : backend ? `no ${backend} adapter` : "no GPU adapter";
  throw new DeadliftError("GpuUnavailable", `${wanted}: ${reason}; \`deadlift doctor\` lists what there is`);
}

/** Dawn's answer to a name that no adapter has lists those there are, and minds capitals. */
function namesIn(answer: string): string[] {
  return [...answer.matchAll(/^ \* backend: '[^']*', name: '(.*)'/gm)].map(([, name]) => name!);
}

const includes = (name: string, part: string) => name.toLowerCase().includes(part.toLowerCase());

/** Some drivers state what is no multiple of four, and is then no size of a buffer. */
function limitOf(adapter: GPUAdapter, name: (typeof wantedLimits)[number]): number {
  const value = adapter.limits[name];
  return /Size$/.test(name) ? value - (value % 4) : value;
}

export function factsOf({ info, features, limits }: GPUAdapter): AdapterFacts {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const names = [...features].sort();
  return {
    name: info.description || info.device || info.vendor || "null",
    vendor: info.vendor,
    architecture: info.architecture,
    software: info.isFallbackAdapter || /swiftshader|llvmpipe|software/i.test(`${info.architecture} ${info.device}`),
    features: names,
    limits: Object.fromEntries(wantedLimits.map((name) => [name, limits[name]])),
    subgroupSizes: names.includes("subgroups") ? [subgroupMinSize, subgroupMaxSize] : [0, 0],
    matrixSide: matrixSideOf(info, names),
  };
}

/** What Dawn adds to `GPUAdapterInfo` for the feature that @webgpu/types does not know yet. */
interface MatrixConfigs {
  readonly subgroupMatrixConfigs?: readonly {
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }[];
}

function matrixSideOf(info: GPUAdapterInfo, features: readonly string[]): AdapterFacts["matrixSide"] {
  if (info.subgroupMinSize !== 32 || info.subgroupMaxSize !== 32) return 0;
  if (![matrixFeature, "shader-f16"].every((name) => features.includes(name))) return 0;
  const { subgroupMatrixConfigs = [] } = info as MatrixConfigs;
  const fits = (side: number) =>
    subgroupMatrixConfigs.some(({ componentType, resultComponentType, M, N, K }) => {
      return componentType === "f16" && resultComponentType === "f32" && [M, N, K].every((size) => size === side);
    });
  return ([16, 8] as const).find(fits) ?? 0;
}

/** Barriers are what is slow on software adapters; all others want as much of a subgroup as they can have. */
function variantsFor({ software, features, matrixSide }: AdapterFacts): Variant[] {
  if (software) return ["serial"];
  return [
    ...(matrixSide > 0 ? (["subgroup_matrix"] as const) : []),
    ...(features.includes("subgroups") ? (["subgroups"] as const) : []),
  ];
}
