// All sessions over one executable: those in use, and finished ones kept for prompts that start as they did.

import type { Executable } from "./backends/backend.js";
import { DeadliftError } from "./error.js";
import { PagePool } from "./pages.js";
import { type PageCopies, Session } from "./session.js";
import { States } from "./states.js";

/** Finished timelines kept for their prefixes; the oldest goes first. */
const MAX_IDLE_SESSIONS = 16;
/** A start that prompts share by so many tokens more than there is a state for may be shared again: it gets one. */
const WORTH_A_STEP = 16;

export class Sessions {
  readonly #pool: PagePool;
  /** Slots for the states of a model with recurrent layers. */
  readonly #slots: PagePool | undefined;
  readonly #pageTokens: number;
  readonly #active = new Set<Session>();
  readonly #idle: Session[] = []; // oldest first

  constructor({ pages, pageTokens, states = 0 }: Executable["options"]) {
    this.#pool = new PagePool(pages);
    this.#slots = states > 0 ? new PagePool(states) : undefined;
    this.#pageTokens = pageTokens;
  }

  /** A session that already holds as many of these tokens as some other one did, but never the last of them. */
  acquire(tokens: ArrayLike<number>): Session {
    const shared = this.#slots ? Math.max(0, ...this.#all().map((session) => session.shared(tokens))) : 0;
    const session = this.#adopt(tokens) ?? this.#begin();
    session.rewind(Math.max(0, tokens.length - 1));
    if (shared >= session.length + WORTH_A_STEP) session.stopAt(shared);
    this.#active.add(session);
    return session;
  }

  /** Keeps the session's pages for a later prompt that starts the same. */
  release(session: Session): void {
    if (!this.#active.delete(session)) return;
    this.#idle.push(session);
    while (this.#idle.length > MAX_IDLE_SESSIONS) this.#idle.shift()!.dispose();
  }

  /** Room for `count` tokens; gives up idle sessions, oldest first, until they fit, then states that others keep. */
  reserve(session: Session, count: number): PageCopies | undefined {
    for (;;) {
      const copies = session.reserve(count);
      if (copies) return copies;
      const oldest = this.#idle.shift();
      if (oldest) oldest.dispose();
      else if (!this.#forget()) return session.reserve(count, true);
    }
  }

  /** The executable has no room for more pages than these; whether that is news. Who has failed for it has given its own back. */
  limit(pages: number): boolean {
    return this.#pool.limit(pages);
  }

  /** Why there is no room. */
  outOfPages(): DeadliftError {
    const message =
      this.#slots?.free === 0
        ? `all ${this.#slots.count} slots for states of sequences are taken; run fewer generations at once`
        : `the KV cache has no free page left of its ${this.#pool.count}; run fewer generations at once or load with a larger contextSize`;
    return new DeadliftError("OutOfPages", message);
  }

  #all(): Session[] {
    return [...this.#idle, ...this.#active];
  }

  #forget(): boolean {
    return [...this.#active].filter((session) => session.forget()).length > 0;
  }

  #begin(): Session {
    return new Session(this.#pool, this.#pageTokens, this.#slots && new States(this.#slots));
  }

  /** The session with the longest common prefix: taken over when all of it is wanted, else forked. */
  #adopt(tokens: ArrayLike<number>): Session | undefined {
    let best: Session | undefined;
    let common = 0;
    for (const session of this.#all()) {
      const length = session.commonPrefix(tokens);
      if (length > common) [best, common] = [session, length];
    }
    if (!best) return undefined;
    const index = this.#idle.indexOf(best);
    if (index < 0 || common < best.length) return best.fork(common);
    this.#idle.splice(index, 1);
    return best;
  }
}
