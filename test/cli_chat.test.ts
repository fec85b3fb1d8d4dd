// A chat can be scripted through a pipe, and is a pleasure at a terminal.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bare, deadlift, folder, main, Person, tiny } from "./cli_process.js";

describe("chat through a pipe", () => {
  const greedy = ["--temperature", "0", "--max-tokens", "40"];

  it("answers each line in one conversation, obeys slash commands, and ends with 0", async () => {
    const { status, out, err } = await deadlift(["chat", ...greedy], "Hello!\n/reset\n\nHello!\n/exit\nHello!\n");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(lines[1]);
  });

  it("remembers what was said", async () => {
    const file = join(folder, "saved.json");
    const input = `Hello!\nTell me\\\na joke\n/save ${file}\n/save ${file}\n/stats\n`;
    const { status, out, err } = await deadlift(["chat", tiny, "--system", "Be kind.", ...greedy], input);
    expect(status).toBe(0);
    expect(err).toMatch(/exists already/);
    expect(out).toMatch(/^in all\t2 answers/m);
    const saved = JSON.parse(readFileSync(file, "utf8"));
    expect(saved.map(({ role }: { role: string }) => role).join()).toBe("system,user,assistant,user,assistant");
    expect(saved[3].content).toBe("Tell me\na joke");
  });

  it("hints at the right command", async () => {
    const { status, err } = await deadlift(["chat"], "/rese\n");
    expect(status).toBe(1);
    expect(err).toBe("deadlift: there is no command /rese; did you mean /reset?\n");
  });

  it("survives a context that is full", async () => {
    const long = "word ".repeat(400);
    const input = `Hello!\n${long}\n/reset\nHello!\n`;
    const { status, out, err } = await deadlift(["chat", "--context", "200", ...greedy], input);
    expect(status).toBe(0);
    expect(err).toMatch(/^deadlift: .*no longer fits.*\n.*\/reset.*\n$/);
    expect(out.trimEnd().split("\n")).toHaveLength(2);
  });

  it("completes text where there is no chat template, and says so", async () => {
    const { status, out, err } = await deadlift(["chat", bare(), ...greedy], "Once upon a time\n");
    expect(status).toBe(0);
    expect(err).toMatch(/no chat template/);
    expect(out.trim().length).toBeGreaterThan(10);
  });
});

const hasScript = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") ?? false;

describe.skipIf(!hasScript)("chat at a terminal (skipped without util-linux `script`, which gives a terminal)", () => {
  const command = `"${process.execPath}" "${main}" chat`;
  const PROMPT = /› /;

  it("greets, answers, helps, leaves with Ctrl-D, and remembers what was typed", async () => {
    const person = new Person(`${command} --temperature 0`);
    expect(await person.sees(PROMPT)).toMatch(/tiny.*parameters.*BF16.*1,024 tokens of context.*cpu/s);
    person.type("Hello!\r");
    const answer = await person.sees(PROMPT);
    expect(answer.split("\n").length).toBeGreaterThan(2);
    person.type("/help\r");
    expect(await person.sees(PROMPT)).toMatch(/\/reset.*\/system.*\/save.*\/stats.*\/exit/s);
    person.type("\x04");
    expect(await person.leaves()).toBe(0);
    expect(readFileSync(join(folder, "deadlift/history"), "utf8")).toContain("Hello!\n/help\n");

    const again = new Person(command);
    await again.sees(PROMPT);
    again.type("\x1b[A"); // arrow up
    await again.sees(/\/help/);
    again.type("\x03\x04");
    expect(await again.leaves()).toBe(0);
  });

  it("Ctrl-C stops an answer, a second one leaves", async () => {
    const wild = `${command} "${bare()}" --temperature 5 --top-k 0 --top-p 1 --max-tokens 900`;
    const person = new Person(wild, { DEADLIFT_ISA: "scalar" });
    expect(await person.sees(PROMPT)).toMatch(/no chat template/);
    person.type("Once\r");
    await person.sees(/Once\s+\S.{12}/s);
    person.type("\x03");
    expect(await person.sees(PROMPT)).toMatch(/\[stopped/);
    person.type("\x03");
    expect(await person.leaves()).toBe(0);
  });

  it("Ctrl-C at an empty prompt says how to leave, and does it when pressed again", async () => {
    const person = new Person(command);
    await person.sees(PROMPT);
    person.type("\x03");
    expect(await person.sees(PROMPT)).toMatch(/Ctrl-C again/);
    person.type("\x03");
    expect(await person.leaves()).toBe(0);
  });
});
