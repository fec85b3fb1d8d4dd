// The `loop` variable. It reads ahead only when asked, because jinja2's loops are lazy and templates can tell.

import { fail } from "./failure.js";
import { equals } from "./operators.js";
import { type Arguments, Callable, int, List, NONE, Undefined, type Value } from "./value.js";

export class Loop {
  index0 = -1;
  current: Value = NONE;
  #before: Value | undefined;
  #ahead: IteratorResult<Value, void> | undefined;
  #rest: Iterator<Value, void>;
  #changed: Value | undefined;

  constructor(
    items: Iterator<Value, void>,
    /** Undefined for generators: their length is known after reading them to the end. */
    private length: number | undefined,
    readonly depth0: number,
    readonly again: ((items: Value) => Value) | undefined,
  ) {
    this.#rest = items;
  }

  /** Moves to the next item; false at the end. */
  advance(): boolean {
    const next = this.#ahead ?? this.#rest.next();
    this.#ahead = undefined;
    if (next.done) return false;
    this.#before = this.index0 < 0 ? undefined : this.current;
    this.current = next.value;
    this.index0++;
    return true;
  }

  #peek(): IteratorResult<Value, void> {
    this.#ahead ??= this.#rest.next();
    return this.#ahead;
  }

  #length(): number {
    if (this.length === undefined) {
      const rest: Value[] = [];
      for (let next = this.#rest.next(); !next.done; next = this.#rest.next()) rest.push(next.value);
      this.#rest = rest[Symbol.iterator]();
      this.length = rest.length + this.index0 + 1 + (this.#ahead && !this.#ahead.done ? 1 : 0);
    }
    return this.length;
  }

  value(): Callable {
    const call = (args: Arguments): Value => {
      if (!this.again) fail("The loop must have the 'recursive' marker to be called recursively.");
      return this.again(args.positional[0] ?? fail("loop() missing required argument: 'iterable'"));
    };
    const print = () => `<LoopContext ${this.index0 + 1}/${this.#length()}>`;
    return new Callable(
      "loop",
      call,
      (name) => this.#attribute(name),
      print,
      () => this.#length(),
    );
  }

  #attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return int(this.index0 + 1);
      case "index0":
        return int(this.index0);
      case "revindex":
        return int(this.#length() - this.index0);
      case "revindex0":
        return int(this.#length() - this.index0 - 1);
      case "length":
        return int(this.#length());
      case "first":
        return this.index0 === 0;
      case "last":
        return this.#peek().done === true;
      case "depth":
        return int(this.depth0 + 1);
      case "depth0":
        return int(this.depth0);
      case "previtem":
        return this.#before ?? new Undefined("there is no previous item");
      case "nextitem":
        return this.#peek().value ?? (this.#peek().done ? new Undefined("there is no next item") : NONE);
      case "cycle":
        return new Callable("loop.cycle", ({ positional }) => {
          if (positional.length === 0) fail("no items for cycling given");
          return positional[this.index0 % positional.length]!;
        });
      case "changed":
        return new Callable("loop.changed", ({ positional }) => this.#hasChanged(new List(positional, "tuple")));
    }
    return undefined;
  }

  #hasChanged(value: Value): boolean {
    if (this.#changed !== undefined && equals(this.#changed, value)) return false;
    this.#changed = value;
    return true;
  }
}
