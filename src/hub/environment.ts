// How Hugging Face reads environment variables: truth, numbers, and paths with "~" and "$NAME" in them.

import { homedir } from "node:os";
import { join } from "node:path";
import { DeadliftError, expected } from "../error.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that says yes: 1, on, yes or true in any case. */
export function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

/** Milliseconds from a variable that holds whole seconds; unset, empty or 0: `otherwise`. Throws InvalidArgument. */
export function milliseconds(name: string, env: Environment, otherwise: number): number {
  const value = env[name]?.trim();
  if (!value) return otherwise;
  // A day: a timer of more than 2^31 ms would fire at once.
  if (!/^\+?\d+$/.test(value) || Number(value) > 86_400) {
    throw new DeadliftError("InvalidArgument", expected("whole seconds, at most a day,", name, env[name]));
  }
  return Number(value) * 1000 || otherwise;
}

/** `path` of the variable `name` with a leading "~" and "$NAME", "${NAME}" replaced; unknown variables stay as they are. */
export function expandPath(path: string, name: string, env: Environment): string {
  return expandVariables(expandHome(path, name, env), env);
}

export function home(env: Environment): string {
  return (process.platform === "win32" ? env.USERPROFILE : env.HOME) || homedir();
}

function expandHome(path: string, name: string, env: Environment): string {
  if (!path.startsWith("~")) return path;
  const rest = path.slice(1);
  if (rest === "" || rest.startsWith("/") || (process.platform === "win32" && rest.startsWith("\\"))) {
    return rest === "" ? home(env) : join(home(env), rest);
  }
  // Node cannot ask for another user's home; a folder called "~name" would be a surprise.
  const advice = "write the home folder of that user in full";
  throw new DeadliftError("InvalidArgument", `${expected('a path that starts with "~/"', name, path)}; ${advice}`);
}

function expandVariables(path: string, env: Environment): string {
  const dollars = path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (whole, bare, braced) => env[bare ?? braced] ?? whole);
  if (process.platform !== "win32") return dollars;
  return dollars.replace(/%([^%]+)%/g, (whole, name) => env[name] ?? whole);
}
