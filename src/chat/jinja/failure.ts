// How a template fails inside the interpreter; template.ts turns these into DeadliftError with a line.

/** Python would raise here as well: raise_exception, undefined values, wrong types, or syntax. */
export class TemplateFailure extends Error {
  constructor(
    message: string,
    /** Offset in the source, where the thrower knows it better than the interpreter. */
    readonly at?: number,
  ) {
    super(message);
  }
}

/** A named limit was passed: a template is a stranger's program and must not take the process with it. */
export class LimitFailure extends Error {}

export function fail(message: string, at?: number): never {
  throw new TemplateFailure(message, at);
}

/** Something Python's jinja2 has and deadlift does not: an error that says so, never a wrong prompt. */
export function unsupported(construct: string, at?: number): never {
  throw new TemplateFailure(`${construct} is not supported in chat templates by deadlift`, at);
}

export const LIMITS = {
  /** Characters of one string; 1M tokens of context are about 4M characters. */
  text: 16 * 1024 * 1024,
  /** Items of one list. */
  items: 1_000_000,
  /** Evaluated nodes and produced items of one rendering; 200 messages take about 20 thousand, 5000 about a million. */
  steps: 10_000_000,
  /** Items of one range, as Jinja's sandbox. */
  range: 100_000,
  /** Macros and recursive loops inside each other; schemas nest about ten deep. */
  depth: 100,
  /** Bits of one integer; Python refuses to print more than 4300 digits, which are 14 284 bits. */
  bits: 14_284,
  /** Characters of a template's source; the longest published ones have about 30 thousand. */
  source: 4 * 1024 * 1024,
  /** Brackets, blocks and operators inside each other in the source. */
  nesting: 200,
};

export function limit(name: keyof typeof LIMITS, value: number): void {
  if (value > LIMITS[name]) {
    throw new LimitFailure(`expected at most ${LIMITS[name]} (limit "${name}") in a chat template, received ${value}`);
  }
}
