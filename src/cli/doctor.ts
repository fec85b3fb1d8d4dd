// `deadlift doctor`: what this machine has, and what to do about problems.

import { Command } from "commander";
import { type MachineInfo, machineInfo } from "../index.js";
import { bytes, colors, oneLine, plural, printFacts, printJson, say, visible } from "./output.js";

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

function run({ json }: { readonly json?: boolean }): void {
  const machine = machineInfo();
  if (json) printJson(machine);
  else printMachine(machine);
}

function printMachine(machine: MachineInfo): void {
  const { node, platform, arch, cpu, memory, addon, gpu, cache } = machine;
  printFacts([
    ["deadlift", `${machine.deadlift} on Node ${node} (${platform}-${arch})`],
    ["addon", mark(addon.loaded, addon.loaded ? "loaded" : "not loaded, see below")],
    ["processor", cpu ? `${visible(cpu.brand)}, ${plural(cpu.cores, "core")} for this process` : "unknown"],
    ["kernels", kernelsOf(machine)],
    ["features", cpu?.features.join(" ") || "none"],
    ["memory", `${bytes(memory.available)} available of ${bytes(memory.total)}`],
    ["gpu", gpu.available ? mark(true, "available") : `none: ${visible(gpu.reason)}`],
    ["cache", `${visible(cache.path)}${cache.exists ? "" : " (does not exist yet)"}`],
    ...hubFacts(machine),
  ]);
  printProblems(machine);
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
