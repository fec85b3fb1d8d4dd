// `deadlift doctor`: what this machine has, and what to do about problems.

import { Command } from "commander";
import { type GpuAdapter, type GpuInfo, gpuInfo, type MachineInfo, machineInfo } from "../index.js";
import { bytes, colors, oneLine, plural, printFacts, printJson, say, speed, visible } from "./output.js";

const EXAMPLES = `
Examples:
  deadlift doctor
  deadlift doctor --json`;

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("show what this machine has, and what to do about problems")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({ json }: { readonly json?: boolean }): Promise<void> {
  const machine = machineInfo();
  const { problems: ofGpu, ...gpu } = await gpuInfo();
  const problems = [...machine.problems, ...ofGpu];
  if (json) printJson({ ...machine, gpu, problems });
  else printMachine({ ...machine, problems }, gpu);
}

function printMachine(machine: MachineInfo, gpu: Omit<GpuInfo, "problems">): void {
  const { node, platform, arch, cpu, memory, addon, cache } = machine;
  printFacts([
    ["deadlift", `${machine.deadlift} on Node ${node} (${platform}-${arch})`],
    ["addon", mark(addon.loaded, addon.loaded ? "loaded" : "not loaded, see below")],
    ["processor", cpu ? `${visible(cpu.brand)}, ${plural(cpu.cores, "core")} for this process` : "unknown"],
    ["kernels", kernelsOf(machine)],
    ["features", cpu?.features.join(" ") || "none"],
    ["memory", `${bytes(memory.available)} available of ${bytes(memory.total)}`],
    ["gpu", gpu.available ? mark(true, visible(gpu.reason)) : `none: ${oneLine(gpu.reason)}`],
    ...gpu.adapters.map((adapter): [string, string] => ["adapter", adapterLines(adapter)]),
    ["cache", `${visible(cache.path)}${cache.exists ? "" : " (does not exist yet)"}`],
    ...hubFacts(machine),
  ]);
  printProblems(machine);
}

/** What matters for kernels: pages of limits and features are in the JSON. */
function adapterLines({ name, backends, facts, bandwidthGbs, tflops, memory, reason }: GpuAdapter): string {
  const lines = [`${visible(name)} by ${backends.join(", ")}${facts ? ` (${visible(facts.name)})` : ""}`];
  if (facts) {
    const { features, limits, subgroupSizes } = facts;
    const [least, most] = subgroupSizes;
    lines.push(
      [
        features.includes("shader-f16") ? "f16" : "no f16",
        most > 0 ? `subgroups of ${least === most ? most : `${least} to ${most}`}` : "no subgroups",
        features.includes("chromium-experimental-subgroup-matrix") ? "matrix units" : "no matrix units",
        `buffers up to ${bytes(limits.maxBufferSize!)}, bound up to ${bytes(limits.maxStorageBufferBindingSize!)}`,
      ].join("; "),
    );
  }
  if (bandwidthGbs && tflops) {
    const size = memory ? `${bytes(memory)} of memory, ` : "";
    lines.push(`${size}${speed(bandwidthGbs)} GB/s streaming read, ${speed(tflops)} TFLOP/s in f32`);
  }
  if (reason) lines.push(`never taken by "auto": ${oneLine(reason)}`);
  return lines.join("\n");
}

function hubFacts({ hub }: MachineInfo): [name: string, value: string][] {
  if (!hub) return [["hub", mark(false, "its settings contradict themselves, see below")]];
  const { source, path } = hub.token;
  const from = source === "file" ? visible(path) : source;
  return [
    ["hub", `${visible(hub.endpoint)}${hub.offline ? colors.yellow(" (offline: only the cache is used)") : ""}`],
    ["token", from ? `from ${from}` : `none (HF_TOKEN is not set, and there is no ${visible(path)})`],
  ];
}

function kernelsOf({ cpu, isa }: MachineInfo): string {
  if (!cpu) return "none";
  return cpu.isas.map((name) => (name === isa ? colors.green(`${name} (in use)`) : name)).join(", ");
}

function printProblems({ problems }: MachineInfo): void {
  if (problems.length === 0) say(colors.green("no problems found"));
  for (const { problem, advice } of problems) {
    say(`${colors.yellow("problem:")} ${oneLine(problem)}`);
    say(`${colors.dim("advice:")}  ${oneLine(advice)}`);
  }
}

function mark(fine: boolean, text: string): string {
  return `${fine ? colors.green("✔") : colors.red("✘")} ${text}`;
}
