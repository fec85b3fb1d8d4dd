// The commands inside a chat: /help /reset /system /save /stats /exit.

import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import type { Conversation } from "./conversation.js";
import { bytes, colors, duration, grouped, notice, plural, printFacts, say, speed, visible } from "./output.js";

export interface Outcome {
  readonly failed: boolean;
  readonly leave?: boolean;
}

interface Slash {
  readonly usage: string;
  readonly about: string;
  readonly run: (argument: string, conversation: Conversation) => Outcome | Promise<Outcome>;
}

const FINE: Outcome = { failed: false };

const COMMANDS: Record<string, Slash> = {
  "/help": { usage: "/help", about: "lists these commands", run: help },
  "/reset": { usage: "/reset", about: "forgets the conversation; instructions stay", run: reset },
  "/system": { usage: "/system TEXT", about: 'sets the instructions ("-" removes them, none shows them)', run: system },
  "/save": {
    usage: "/save FILE",
    about: "writes the conversation to a new file (.json: messages, else text)",
    run: save,
  },
  "/stats": { usage: "/stats", about: "shows speed and tokens", run: stats },
  "/exit": { usage: "/exit", about: "leaves", run: () => ({ failed: false, leave: true }) },
};

/** A command, not a message; a space before the slash makes it a message. */
export function isSlash(line: string): boolean {
  return /^\/\S*(\s|$)/.test(line) && !/^\/\S*[/.]/.test(line);
}

export async function obey(line: string, conversation: Conversation): Promise<Outcome> {
  const [, word = "", argument = ""] = /^(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
  const command = COMMANDS[word.toLowerCase()];
  if (command) return await command.run(argument.trim(), conversation);
  const near = Object.keys(COMMANDS).find((name) => word.length > 1 && name.startsWith(word.toLowerCase()));
  return remark(`there is no command ${visible(word)}; ${near ? `did you mean ${near}?` : "/help lists them"}`, true);
}

/** What a command has done: for people; a script that asked for it knows. */
function remark(text: string, failed = false): Outcome {
  if (process.stdin.isTTY) say(failed ? colors.yellow(text) : colors.dim(text));
  else if (failed) notice(`deadlift: ${text}`);
  return failed ? { failed } : FINE;
}

function help(): Outcome {
  printFacts(Object.values(COMMANDS).map(({ usage, about }) => [usage, about]));
  if (process.stdin.isTTY) {
    say(colors.dim("A \\ at the end of a line continues it; a space before a / makes it a message."));
    say(colors.dim("Ctrl-C stops an answer, twice leaves; Ctrl-D leaves; ↑ and ↓ recall what you typed."));
  }
  return FINE;
}

function reset(_: string, conversation: Conversation): Outcome {
  conversation.reset();
  return remark("forgotten; a new conversation begins");
}

function system(text: string, conversation: Conversation): Outcome {
  if (text === "") {
    say(conversation.system === undefined ? "no instructions" : visible(conversation.system));
    return FINE;
  }
  if (!conversation.model.canChat) return remark("a model without a chat template takes no instructions", true);
  conversation.system = text === "-" ? undefined : text;
  return remark(text === "-" ? "instructions removed" : "instructions set, from the next message on");
}

async function save(argument: string, conversation: Conversation): Promise<Outcome> {
  if (argument === "") return remark("/save needs the name of a file", true);
  const { messages } = conversation;
  if (messages.length === 0) return remark("nothing has been said yet", true);
  const path = argument.replace(/^~(?=\/)/, homedir());
  const text = path.endsWith(".json")
    ? `${JSON.stringify(messages, null, 2)}\n`
    : messages.map(({ role, content }) => `${role}:\n${content}\n`).join("\n");
  try {
    await writeFile(path, text, { flag: "wx" }); // never over something that is there
    return remark(`${plural(messages.length, "message")} saved in ${visible(path)}`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return remark(code === "EEXIST" ? `${visible(path)} exists already; give another name` : visible(message), true);
  }
}

function stats(_: string, conversation: Conversation): Outcome {
  const { model, last, answers, tokens, contextTokens } = conversation;
  const used = `${grouped(contextTokens)} of ${grouped(model.contextSize)} tokens`;
  const facts: [string, string][] = [["context", used]];
  if (last) {
    const { usage, timings, seed } = last;
    const { draftedTokens: drafted, acceptedTokens: accepted } = usage;
    const guesses = drafted > 0 ? `, ${grouped(accepted)} of ${grouped(drafted)} guesses right` : "";
    const cached = usage.cachedTokens > 0 ? `, ${grouped(usage.cachedTokens)} of them in the cache` : "";
    facts.push(
      [
        "last answer",
        `${plural(usage.completionTokens, "token")} for a prompt of ${grouped(usage.promptTokens)}${cached}`,
      ],
      [
        "speed",
        `first token after ${duration(timings.firstTokenMs)}, then ${speed(timings.decodeTps)} tokens/s${guesses}`,
      ],
      ["seed", String(seed)],
    );
  }
  facts.push(["in all", `${plural(answers, "answer")}, ${plural(tokens, "token")}`]);
  facts.push(["memory", `${bytes(process.memoryUsage.rss())} resident, ${bytes(model.mappedBytes)} mapped`]);
  printFacts(facts);
  return FINE;
}
