// The real Python huggingface_hub for suites: one Python per pinned version, each run in a process of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { describe, inject, it } from "vitest";
import type { Environment } from "./environments.js";
import type {} from "./setup.js";

export interface Finished {
  stdout: string;
  stderr: string;
  /** null when a signal ended it. */
  status: number | null;
}

/** Variables of the child; HF_HOME is demanded, so that no test can touch the user's own cache. undefined removes. */
export type PythonEnv = { HF_HOME: string } & Record<string, string | undefined>;

export interface Python {
  /** Of huggingface_hub, such as "2.4.0". */
  version: string;
  /** Runs a script; `args` are sys.argv[1:]. */
  run(script: string, env: PythonEnv, args?: string[]): Promise<Finished>;
  /** Runs a script that must succeed, and parses the last line that it prints as JSON. */
  json<T>(script: string, env: PythonEnv, args?: string[]): Promise<T>;
  /** Runs the `hf` command line. */
  hf(args: string[], env: PythonEnv): Promise<Finished>;
  /** Starts a script that the test means to kill or to run beside something. */
  start(script: string, env: PythonEnv, args?: string[]): { child: ChildProcess; done: Promise<Finished> };
}

/** A hanging child is ended after this long; it is no measure of speed. */
const patienceMs = 240_000;

/** The test's own variables without any that huggingface_hub or a proxy would listen to. */
function childEnv(env: PythonEnv): NodeJS.ProcessEnv {
  const heard = /^(HF_|HUGGING|TRANSFORMERS_|XDG_CACHE_HOME$|PYTHON(PATH|HOME)$|(https?|all|no)_proxy$)/i;
  const kept = Object.entries(process.env).filter(([name]) => !heard.test(name));
  const fixed = { HF_HUB_DISABLE_TELEMETRY: "1", HF_HUB_DISABLE_PROGRESS_BARS: "1", PYTHONUNBUFFERED: "1" };
  const merged = { ...Object.fromEntries(kept), ...fixed, ...env };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
}

function start(command: string, args: string[], env: PythonEnv): { child: ChildProcess; done: Promise<Finished> } {
  const child = spawn(command, args, { env: childEnv(env), stdio: ["ignore", "pipe", "pipe"], timeout: patienceMs });
  const done = new Promise<Finished>((resolve, reject) => {
    const finished = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      finished.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      finished.stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ ...finished, status }));
  });
  return { child, done };
}

function toPython({ version, python, hf }: Environment): Python {
  const startScript = (script: string, env: PythonEnv, args: string[] = []) =>
    start(python, ["-c", script, ...args], env);
  const run = (script: string, env: PythonEnv, args?: string[]) => startScript(script, env, args).done;
  return {
    version,
    run,
    async json<T>(script: string, env: PythonEnv, args?: string[]) {
      const { stdout, stderr, status } = await run(script, env, args);
      if (status !== 0) throw new Error(`Python ended with status ${status}:\n${stderr}`);
      return JSON.parse(stdout.trim().split("\n").at(-1)!) as T;
    },
    hf: (args, env) => start(hf, args, env).done,
    start: startScript,
  };
}

const environments = inject("environments");

/** None when the interop suites are skipped. */
export const pythons: Python[] = environments.ready.map(toPython);

/** Why the suites are skipped; undefined when they run. */
export const skipped: string | undefined = environments.missing;

/** A suite for each Python; one skipped suite that says why when there is none. */
export function describePythons(title: string, suite: (python: Python) => void): void {
  if (skipped !== undefined) describe.skip(`${title} (skipped: ${skipped})`, () => it("needs Python", () => {}));
  for (const python of pythons) describe(`${title}, huggingface_hub ${python.version}`, () => suite(python));
}
