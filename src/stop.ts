// Stop strings over a stream of text pieces: what is safe to show, and where to stop.

import { DeadliftError, expected } from "./error.js";

/** A beginning of some stop string: a node in the trie of all of them (Aho and Corasick 1975). */
interface Beginning {
  readonly word: string; // a stop string that begins so
  readonly length: number; // in UTF-16 units, as everything here
  readonly next: Map<number, Beginning>;
  /** The longest proper ending of this that is itself a beginning; the root is its own. */
  ending: Beginning;
  /** The longest stop string that ends here. */
  stop: string | undefined;
}

interface Match {
  readonly stop: string;
  readonly start: number;
}

/**
 * Watches text for stop strings. The first to begin wins, the longest of those that begin there; no part of it is
 * shown. All answers are those for the whole text, however it is cut into pieces: where a match could still be beaten
 * by one that begins no later, it waits. Every unit of text is looked at once, amortised.
 */
export class StopStrings {
  readonly #root: Beginning;
  #state: Beginning; // the longest beginning that the text ends with
  #held = "";
  #seen = 0; // units pushed
  #match: Match | undefined;
  #stopped: string | undefined;

  /** Throws InvalidArgument for an empty stop string. No stop strings: everything is safe at once. */
  constructor(stops: readonly string[]) {
    for (const stop of stops) {
      if (typeof stop !== "string" || stop === "") {
        throw new DeadliftError("InvalidArgument", expected("a non-empty string", "stop", stop));
      }
    }
    this.#root = trie(stops);
    this.#state = this.#root;
  }

  /** The stop string that ended the text, once it is certain. */
  get stopped(): string | undefined {
    return this.#stopped;
  }

  /** Takes the next piece; gives the text that is now safe to show. After a stop nothing more is. */
  push(piece: string): { text: string; stopped: string | undefined } {
    if (this.#stopped !== undefined) return { text: "", stopped: this.#stopped };
    const shown = this.#seen - this.#held.length;
    for (let i = 0; i < piece.length; i++) {
      this.#step(piece.charCodeAt(i));
      if (!this.#match || this.#open() !== undefined) continue;
      return { text: this.#stopAt(this.#match, shown, piece), stopped: this.#stopped };
    }
    const text = this.#take((this.#open() ?? this.#seen) - shown, piece);
    // Equal to what is left, but not a chain of concatenated pieces.
    if (!this.#match) this.#held = this.#state.word.slice(0, this.#state.length);
    return { text, stopped: undefined };
  }

  /** The end of the text: gives what was held back. A match that waited for a better one counts: see `stopped`. */
  flush(): string {
    const shown = this.#seen - this.#held.length;
    if (this.#stopped === undefined && this.#match) return this.#stopAt(this.#match, shown, "");
    return this.#take(this.#held.length, "");
  }

  #step(unit: number): void {
    let state = this.#state;
    while (state !== this.#root && !state.next.has(unit)) state = state.ending;
    this.#state = state.next.get(unit) ?? this.#root;
    this.#seen++;
    const { stop } = this.#state;
    if (stop === undefined) return;
    const start = this.#seen - stop.length;
    // At the same start a later end is a longer match.
    if (!this.#match || start <= this.#match.start) this.#match = { stop, start };
  }

  /** Where the earliest stop string begins that may yet come and win; undefined when there is none. */
  #open(): number | undefined {
    for (let state = this.#state; state !== this.#root; state = state.ending) {
      const start = this.#seen - state.length;
      if (this.#match && start > this.#match.start) return undefined;
      if (state.next.size > 0) return start;
    }
    return undefined;
  }

  #stopAt({ stop, start }: Match, shown: number, piece: string): string {
    const text = this.#take(start - shown, piece);
    this.#held = "";
    this.#stopped = stop;
    return text;
  }

  /** The first `count` units of what is held and `piece`; the rest is held. */
  #take(count: number, piece: string): string {
    const held = this.#held;
    const ofPiece = Math.max(0, count - held.length);
    this.#held = held.slice(count) + piece.slice(ofPiece);
    return held.slice(0, count) + piece.slice(0, ofPiece);
  }
}

function trie(stops: readonly string[]): Beginning {
  const beginning = (word: string, length: number, ending?: Beginning): Beginning => {
    const node = { word, length, next: new Map(), stop: undefined } as unknown as Beginning;
    node.ending = ending ?? node;
    return node;
  };
  const root = beginning("", 0);
  for (const stop of stops) {
    let node = root;
    for (let i = 0; i < stop.length; i++) {
      const unit = stop.charCodeAt(i);
      const next = node.next.get(unit) ?? beginning(stop, i + 1, root);
      node.next.set(unit, next);
      node = next;
    }
    node.stop = stop;
  }
  link(root);
  return root;
}

/** Sets `ending` and the inherited `stop` of all, shorter beginnings first. */
function link(root: Beginning): void {
  const queue = [...root.next.values()];
  for (const node of queue) {
    for (const [unit, next] of node.next) {
      let ending = node.ending;
      while (ending !== root && !ending.next.has(unit)) ending = ending.ending;
      next.ending = ending.next.get(unit) ?? root;
      next.stop ??= next.ending.stop;
      queue.push(next);
    }
  }
}
