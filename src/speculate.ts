// Prompt lookup: guesses the next tokens from the latest earlier place where the last few stood (Saxena 2023).

/** Ways to guess; what `speculate` may be. */
export const speculations = ["ngram"] as const;

/** Tokens that must have stood together before for a guess, and beyond which it no longer matters how many did. */
const SHORTEST = 2;
const LONGEST = 8;
/** Most guesses at once. Longer drafts are rarely right to the end. */
const MOST = 16;
/** A draft ends where it is less probable than this to be right so far. */
const LEAST_CHANCE = 0.1;
/** What an observation is worth after each further one: about the last twenty count. */
const MEMORY = 0.95;

/** Guesses at the next tokens of a sequence. */
export interface Draft {
  readonly tokens: Int32Array;
  /** (tokens) How probable it is that all up to this one are right. */
  readonly chances: readonly number[];
}

/**
 * The tokens of one sequence, and what they would be next if it repeated itself. Guesses are judged by what comes,
 * whether anybody tried them or not, so that their chances are known at no cost: they depend on how many tokens the two
 * places have in common.
 */
export class Lookup {
  readonly #ids: Int32Array; // what is known, then the guesses
  #known: number;
  #guessed = 0;
  /** Tokens that stood before the first guess as they did at the earlier place; LONGEST: or more. */
  #common = 0;
  /** By tokens in common: how many guesses have been judged and how many of them were right. */
  readonly #judged = new Float64Array(LONGEST + 1).fill(2);
  readonly #right = Float64Array.from(this.#judged, (judged, common) => (judged * common) / (LONGEST + 1));

  /** `room`: tokens that may follow the prompt. */
  constructor(prompt: Int32Array, room: number) {
    this.#ids = new Int32Array(prompt.length + room);
    this.#ids.set(prompt);
    this.#known = prompt.length;
  }

  /** A token came. */
  push(id: number): void {
    if (this.#guessed > 0) this.#judge(this.#ids[this.#known] === id);
    this.#ids[this.#known++] = id;
  }

  /** Guesses at the next tokens, at most `most`; undefined when the last ones are new together. */
  draft(most: number): Draft | undefined {
    this.#guess(Math.min(most, MOST, this.#ids.length - this.#known));
    const chances: number[] = [];
    for (let chance = 1, i = 0; i < this.#guessed; i++) {
      // Where a guess is right, the places have one more token in common.
      const common = Math.min(this.#common + i, LONGEST);
      chance *= this.#right[common]! / this.#judged[common]!;
      if (chance < LEAST_CHANCE) break;
      chances.push(chance);
    }
    if (chances.length === 0) return undefined;
    return { tokens: this.#ids.slice(this.#known, this.#known + chances.length), chances };
  }

  #judge(right: boolean): void {
    const common = Math.min(this.#common, LONGEST);
    this.#judged[common] = this.#judged[common]! * MEMORY + 1;
    this.#right[common] = this.#right[common]! * MEMORY + Number(right);
    this.#common = common + 1;
    this.#guessed = right ? this.#guessed - 1 : 0;
  }

  /** Continues from the place with the most tokens in common, the latest of several. */
  #guess(count: number): void {
    const [from, common] = this.#find();
    this.#common = common;
    this.#guessed = common < SHORTEST ? 0 : count;
    // One by one: where the places overlap, guesses continue guesses.
    for (let i = 0; i < this.#guessed; i++) this.#ids[this.#known + i] = this.#ids[from + i]!;
  }

  #find(): [from: number, common: number] {
    const ids = this.#ids;
    const last = this.#known - 1;
    let best: [from: number, common: number] = [0, 0];
    for (let at = last; at >= SHORTEST && best[1] < LONGEST; ) {
      at = ids.lastIndexOf(ids[last]!, at - 1);
      let common = 0;
      while (common < LONGEST && common <= at && ids[at - common] === ids[last - common]) common++;
      if (common > best[1]) best = [at + 1, common];
    }
    return best;
  }
}
