// The syntax tree of a template: one tagged object per construct, with its offset in the source.

import type { Value } from "./value.js";

export type Expression = { at: number } & (
  | { kind: "literal"; value: Value }
  | { kind: "name"; name: string }
  | { kind: "tuple"; items: Expression[] }
  | { kind: "list"; items: Expression[] }
  | { kind: "dict"; pairs: [Expression, Expression][] }
  | { kind: "not"; operand: Expression }
  | { kind: "sign"; operator: "+" | "-"; operand: Expression }
  | { kind: "and"; left: Expression; right: Expression }
  | { kind: "or"; left: Expression; right: Expression }
  | { kind: "binary"; operator: BinaryOperator; left: Expression; right: Expression }
  | { kind: "concat"; items: Expression[] }
  | { kind: "compare"; first: Expression; rest: { operator: CompareOperator; operand: Expression }[] }
  | { kind: "condition"; test: Expression; then: Expression; otherwise: Expression | undefined }
  | { kind: "attribute"; object: Expression; name: string }
  | { kind: "item"; object: Expression; key: Expression }
  | { kind: "slice"; object: Expression; start?: Expression; stop?: Expression; step?: Expression }
  | { kind: "call"; callee: Expression; args: CallArguments }
  // An absent operand is the text of the block that the filter is applied to.
  | { kind: "filter"; operand: Expression | undefined; name: string; args: CallArguments }
  | { kind: "test"; operand: Expression; name: string; args: CallArguments }
);

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export interface CallArguments {
  positional: Expression[];
  named: { name: string; value: Expression }[];
  spread: Expression | undefined;
  namedSpread: Expression | undefined;
}

/** Where a value is stored: a name, an attribute of a namespace, or a tuple of those. */
export type Target = { at: number } & (
  | { kind: "name"; name: string }
  | { kind: "namespace"; name: string; attribute: string }
  | { kind: "tuple"; items: Target[] }
);

export interface Parameter {
  name: string;
  fallback: Expression | undefined;
}

export type Statement = { at: number } & (
  | { kind: "text"; text: string }
  | { kind: "print"; value: Expression }
  | { kind: "if"; branches: { test: Expression; body: Statement[] }[]; otherwise: Statement[] }
  | ForStatement
  | { kind: "break" }
  | { kind: "continue" }
  | { kind: "set"; target: Target; value: Expression }
  | { kind: "setBlock"; target: Target; filter: Expression | undefined; body: Statement[] }
  | MacroStatement
  | { kind: "call"; call: Expression; caller: MacroStatement }
  | { kind: "filterBlock"; filter: Expression; body: Statement[] }
  | { kind: "with"; names: { target: Target; value: Expression }[]; body: Statement[] }
);

export interface ForStatement {
  kind: "for";
  at: number;
  target: Target;
  iterable: Expression;
  filter: Expression | undefined;
  recursive: boolean;
  body: Statement[];
  otherwise: Statement[];
}

export interface MacroStatement {
  kind: "macro";
  at: number;
  name: string;
  parameters: Parameter[];
  body: Statement[];
  /** Which of the special names the body reads: `varargs`, `kwargs`, `caller`. */
  uses: ReadonlySet<string>;
}
