// Ctrl-C, termination and a reader that went away: ends the work in order, and says with which exit status.

const controller = new AbortController();
let status: number | undefined;
let farewell: string | undefined;

/** Aborts when the command should end early; commands hand it to everything that takes a signal. */
export const interruption: AbortSignal = controller.signal;

/** The exit status that an early end asks for; undefined when nothing interrupted. */
export function interruptionStatus(): number | undefined {
  return status;
}

/** What to say at the end if it comes early: what is lost, or is not. */
export function sayWhenInterrupted(text: string | undefined): void {
  farewell = text;
}

export function lastWords(): string | undefined {
  return farewell;
}

/** Listens. The first signal ends in order, the second at once. */
export function watchInterruptions(): void {
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(name, () => (status === undefined ? interrupt(code) : process.exit(code)));
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (status !== undefined) return;
    const isDone = error.code === "EPIPE"; // the reader (`head`) has what it wanted
    if (!isDone) process.stderr.write(`deadlift: cannot write to standard output: ${error.message}\n`);
    interrupt(isDone ? 0 : 1);
  });
  process.stderr.on("error", () => {}); // nobody is left to tell
}

function interrupt(code: number): void {
  status = code;
  controller.abort(new Error("interrupted"));
}
