// The functions every template can call: jinja2's own and the two of transformers.

import { bind } from "./arguments.js";
import { fail, unsupported } from "./failure.js";
import { range, toCount } from "./number.js";
import { str } from "./print.js";
import { strftime } from "./strftime.js";
import { Text } from "./text.js";
import { type Arguments, Callable, Dict, int, iterate, List, Namespace, NONE, text, type Value } from "./value.js";

/** `now` is read once per rendering, so that a template sees one time. */
export function globals(now: Date): [string, Value][] {
  const functions: Record<string, (args: Arguments) => Value> = {
    range: rangeOf,
    dict: dictOf,
    namespace: (args) => {
      const space = new Namespace();
      for (const [key, value] of dictOf(args).entries()) space.set(str(key).value, value);
      return space;
    },
    raise_exception: (args) => fail(str(bind("raise_exception", args, "message")[0]!).value),
    strftime_now: (args) => {
      const [format] = bind("strftime_now", args, "format");
      return format instanceof Text ? text(strftime(now, format.value)) : fail("strftime() argument 1 must be str");
    },
    joiner,
    cycler,
    lipsum: () => unsupported("the function 'lipsum'"),
  };
  return Object.entries(functions).map(([name, call]) => [name, new Callable(name, call)]);
}

function rangeOf(args: Arguments): List {
  const bounds = args.positional.map((bound) =>
    typeof bound === "bigint" || typeof bound === "boolean" ? toCount(bound) : fail("range() expects integers"),
  );
  if (bounds.length < 1 || bounds.length > 3 || args.named.size > 0)
    fail(`range expected 1 to 3 arguments, got ${bounds.length}`);
  const [start, stop, step = 1] = bounds.length === 1 ? [0, bounds[0]!] : bounds;
  const label = `range(${start}, ${stop}${step === 1 ? "" : `, ${step}`})`;
  return new List(range(start!, stop!, step).map(int), "range", label);
}

function dictOf(args: Arguments): Dict {
  const [from] = args.positional;
  if (args.positional.length > 1) fail(`dict expected at most 1 argument, got ${args.positional.length}`);
  const entries: [Value, Value][] = from instanceof Dict ? from.entries() : [];
  if (from !== undefined && !(from instanceof Dict)) {
    for (const pair of iterate(from)) {
      const [key, value, more] = [...iterate(pair)];
      if (key === undefined || value === undefined || more !== undefined)
        fail("dictionary update sequence elements must have length 2");
      entries.push([key, value]);
    }
  }
  for (const [name, value] of args.named) entries.push([text(name), value]);
  return new Dict(entries);
}

/** Gives "" when first called and the separator from then on. */
function joiner(args: Arguments): Callable {
  const [separator] = bind("joiner", args, "sep=");
  let used = false;
  return new Callable("joiner", () => {
    if (used) return separator ?? text(", ");
    used = true;
    return text("");
  });
}

function cycler({ positional }: Arguments): Callable {
  if (positional.length === 0) fail("at least one item has to be provided");
  let at = 0;
  const method = (name: string): Value | undefined => {
    if (name === "current") return positional[at]!;
    if (name === "reset") {
      return new Callable("reset", () => {
        at = 0;
        return NONE;
      });
    }
    if (name !== "next") return undefined;
    return new Callable("next", () => {
      const value = positional[at]!;
      at = (at + 1) % positional.length;
      return value;
    });
  };
  return new Callable("cycler", () => fail("'Cycler' object is not callable"), method);
}
