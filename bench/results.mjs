// Keeps a measurement: bench/results/NAME.json with the date and the machine it was made on.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { machineInfo } from "../dist/index.js";

export function keep(name, results) {
  const { cpu, isa, node, deadlift } = machineInfo();
  const machine = {
    processor: cpu?.brand ?? cpus()[0].model,
    features: cpu?.features,
    cores: cpu?.cores,
    memoryGb: Math.round(totalmem() / 1e9),
    loadAverage: Number(loadavg()[0].toFixed(2)),
  };
  const folder = fileURLToPath(new URL("results/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const document = { date: new Date().toISOString().slice(0, 10), deadlift, node, isa, machine, results };
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(document, null, 2)}\n`);
  return `bench/results/${name}.json`;
}
