// Counts what a rendering does, so that a hostile template ends.
import { LIMITS, LimitFailure } from "./failure.js";

// Renderings do not wait for anything, so that there is only one at a time.
let steps = 0;

/** A rendering begins. */
export function beginWork(): void {
  steps = 0;
}

/** Counts steps of the rendering that runs. Throws LimitFailure when they are too many. */
export function spend(more: number): void {
  steps += more;
  if (steps > LIMITS.steps) {
    throw new LimitFailure(`expected at most ${LIMITS.steps} steps (limit "steps") in a chat template, received more`);
  }
}
