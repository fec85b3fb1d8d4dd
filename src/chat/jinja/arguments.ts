// Binds the arguments of a call to names, as Python does.

import { fail } from "./failure.js";
import type { Arguments, Value } from "./value.js";

/**
 * The values for `names`, in their order; undefined where one with a `=` at its end was left out.
 * Fails as Python does for missing, unknown and doubled arguments.
 */
export function bind(callee: string, args: Arguments, ...names: string[]): (Value | undefined)[] {
  if (args.positional.length > names.length) {
    fail(`${callee}() takes at most ${names.length} argument(s) (${args.positional.length} given)`);
  }
  const values: (Value | undefined)[] = [...args.positional];
  for (const [name, value] of args.named) {
    const index = names.findIndex((declared) => declared === name || declared === `${name}=`);
    if (index < 0) fail(`${callee}() got an unexpected keyword argument '${name}'`);
    if (values[index] !== undefined) fail(`${callee}() got multiple values for argument '${name}'`);
    values[index] = value;
  }
  return names.map((name, i) => {
    if (values[i] === undefined && !name.endsWith("=")) fail(`${callee}() missing required argument: '${name}'`);
    return values[i];
  });
}
