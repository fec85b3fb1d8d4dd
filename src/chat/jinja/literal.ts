// The values of string literals.

import { fail } from "./failure.js";
import type { Token } from "./lexer.js";

const ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

/** A string literal's value: Python's escapes, unknown ones kept as written. */
export function unescaped({ value, at }: Token): string {
  const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(.))/gs;
  return value.slice(1, -1).replace(pattern, (whole, ...groups: (string | undefined)[]) => {
    const [x, u, long, octal, other] = groups;
    if (other !== undefined) {
      if ("xuUN".includes(other)) fail(`unsupported or broken escape '\\${other}' in a string`, at);
      return ESCAPES[other] ?? whole;
    }
    const code = octal ? Number.parseInt(octal, 8) : Number.parseInt((x ?? u ?? long)!, 16);
    return code > 0x10ffff ? fail(`illegal Unicode character '${whole}' in a string`, at) : String.fromCodePoint(code);
  });
}
