// What a model can do, and what to say to those who ask it for something else.

import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";

export type Task = "generate" | "chat" | "embed" | "rerank" | "classify" | "tokens";

type Kind = Config["head"]["kind"];

const kinds: Readonly<Record<Kind, { readonly is: string; readonly tasks: readonly Task[] }>> = {
  next: { is: "foretells the next token", tasks: ["generate"] },
  masked: { is: "fills in masked tokens", tasks: ["tokens"] },
  hidden: { is: "gives a vector for each token", tasks: ["tokens"] },
  embedding: { is: "gives a vector for each text", tasks: ["embed"] },
  classes: { is: "sorts texts into classes", tasks: ["classify"] },
  token_classes: { is: "sorts tokens into classes", tasks: ["tokens"] },
};

/** One class is a score: of how well a text answers another. */
export function tasksOf({ head }: Pick<Config, "head">, { canChat = false, canRerank = false } = {}): Task[] {
  const more: Task[] = [...(canChat ? (["chat"] as const) : []), ...(canRerank ? (["rerank"] as const) : [])];
  return [...kinds[head.kind].tasks, ...more];
}

/** Throws UnsupportedTask. */
export function checkTask(task: Task, can: readonly Task[], name: string, kind: Kind): void {
  if (can.includes(task)) return;
  const hint =
    task === "embed" && kind !== "classes" && kind !== "token_classes"
      ? '; load it with { pooling: "mean" } (or "first", "last", "max") to make vectors of its states'
      : "";
  const list = can.map((one) => `model.${one}()`).join(", ");
  throw new DeadliftError("UnsupportedTask", `${name} ${kinds[kind].is}: it can ${list}, not ${task}${hint}`);
}
