// The Python environments with the real huggingface_hub: made once in a cache folder outside the tree, and used again.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { alone } from "../alone.mjs";

const execute = promisify(execFile);

/** The newest 1.x and 2.x when this was written. */
const pins = ["1.33.0", "2.4.0"];

export interface Environment {
  /** Of huggingface_hub. */
  version: string;
  python: string;
  /** The `hf` command line. */
  hf: string;
}

export interface Environments {
  ready: Environment[];
  /** Why there are none. */
  missing?: string;
}

/** Paths handed through vitest, which wants plain data. */
function environmentsIn(folder: string): Environment[] {
  const bin = process.platform === "win32" ? "Scripts" : "bin";
  const end = process.platform === "win32" ? ".exe" : "";
  return pins.map((version) => ({
    version,
    python: join(folder, `hub-${version}`, bin, `python${end}`),
    hf: join(folder, `hub-${version}`, bin, `hf${end}`),
  }));
}

async function firstPython(): Promise<{ command: string; version: string } | undefined> {
  const ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2]); assert sys.version_info >= (3, 10)";
  for (const command of ["python3", "python"]) {
    const answer = await execute(command, ["-c", ask]).catch(() => undefined);
    if (answer) return { command, version: answer.stdout.trim() };
  }
  return undefined;
}

async function isReady({ python, version }: Environment): Promise<boolean> {
  const ask = "import huggingface_hub; print(huggingface_hub.__version__)";
  const answer = await execute(python, ["-c", ask]).catch(() => undefined);
  return answer?.stdout.trim() === version;
}

function lastLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr || String(error);
  return text.trim().split("\n").at(-1)!;
}

async function install(folder: string, command: string): Promise<void> {
  for (const { version, python } of environmentsIn(folder)) {
    await execute(command, ["-m", "venv", "--clear", join(folder, `hub-${version}`)]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"];
    await execute(python, [...pip, `huggingface_hub==${version}`], { timeout: 600_000 });
  }
  await writeFile(join(folder, "ready"), "");
}

/** Both environments, made now unless they are there; or why they cannot be. */
export async function prepareEnvironments(): Promise<Environments> {
  const given = process.env.DEADLIFT_INTEROP_PYTHON;
  if (given) {
    const environments = environmentsIn(given);
    for (const environment of environments) {
      if (await isReady(environment)) continue;
      const { version, python } = environment;
      return { ready: [], missing: `DEADLIFT_INTEROP_PYTHON: ${python} has no huggingface_hub ${version}` };
    }
    return { ready: environments };
  }
  const found = await firstPython();
  if (!found) return { ready: [], missing: "no python3 of 3.10 or newer with venv was found" };
  const key = createHash("sha256")
    .update([...pins, found.version, process.arch].join(" "))
    .digest("hex");
  const folder = join(tmpdir(), `deadlift-interop-${key.slice(0, 12)}`);
  await mkdir(folder, { recursive: true });
  try {
    await alone(join(folder, "lock"), async () => {
      if (!existsSync(join(folder, "ready"))) await install(folder, found.command);
    });
  } catch (error) {
    return { ready: [], missing: `huggingface_hub could not be installed with pip: ${lastLine(error)}` };
  }
  return { ready: environmentsIn(folder) };
}
