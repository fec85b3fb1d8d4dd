// The small machines a decoder is made of: each takes token spellings one at a time and hands on text.
import { byteOfChar, charLength, unfinished } from "./utf8.js";

/** A machine of the chain. It hands on as soon as nothing that may follow can change what it hands on. */
export interface Stage {
  push(token: string): void;
  flush(): void;
}
type Sink = (token: string) => void;
export type MakeStage = (out: Sink) => Stage;

export const each =
  (change: (token: string) => string): MakeStage =>
  (out) => ({ push: (token) => out(change(token)), flush: () => {} });

/** As the stage that knows whether a token is the first one. */
const eachAfter =
  (change: (token: string, first: boolean) => string): MakeStage =>
  (out) => {
    let first = true;
    const push = (token: string) => {
      out(change(token, first));
      first = false;
    };
    const flush = () => {
      first = true;
    };
    return { push, flush };
  };

export const spaced = eachAfter((token, first) => (first ? token : ` ${token}`));

export function metaspace(replacement: string, scheme: unknown, addPrefixSpace: unknown): MakeStage {
  const drop = scheme === undefined ? addPrefixSpace !== false : scheme !== "never";
  return eachAfter((token, first) => token.replaceAll(replacement, first && drop ? "" : " "));
}

export const textCleanUps: [string, string][] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];
// WordPiece's own clean-up works inside of single tokens and knows one pair more.
const wordPieceCleanUps: [string, string][] = [
  ...textCleanUps.slice(0, 7),
  [" do not", " don't"],
  ...textCleanUps.slice(7),
];

export function wordPiece(prefix: string, cleanUp: boolean): MakeStage {
  return eachAfter((token, first) => {
    const joined = first ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    return cleanUp ? wordPieceCleanUps.reduce((sum, [from, to]) => sum.replaceAll(from, to), joined) : joined;
  });
}

/** BPE with an end-of-word suffix: a space, except after the last token, which is known one token later. */
export const endOfWord =
  (suffix: string): MakeStage =>
  (out) => {
    let held: string | undefined;
    const release = (space: string) => {
      if (held !== undefined) out(suffix === "" ? held : held.replaceAll(suffix, space));
    };
    return {
      push: (token) => {
        release(" ");
        held = token;
      },
      flush: () => {
        release("");
        held = undefined;
      },
    };
  };

/** Spellings in GPT-2's byte alphabet to text; a token with any other character stands for its own UTF-8. */
export const byteLevel: MakeStage = (out) => {
  let held: number[] = [];
  const decode = (bytes: number[]) => {
    if (bytes.length > 0) out(Buffer.from(bytes).toString("utf8"));
  };
  return {
    push: (token) => {
      const bytes = Array.from(token, (char) => byteOfChar.get(char));
      const all = held.concat(bytes.includes(undefined) ? [...Buffer.from(token)] : (bytes as number[]));
      const whole = all.length - unfinished(all);
      decode(all.slice(0, whole));
      held = all.slice(whole);
    },
    flush: () => {
      decode(held);
      held = [];
    },
  };
};

/**
 * `<0xE2>` tokens to characters, as soon as a character is whole; each byte that belongs to none becomes U+FFFD.
 * Python waits for the end of a run of bytes and then makes all of it U+FFFD if any of it is broken.
 */
export const byteFallback: MakeStage = (out) => {
  const held: number[] = [];
  const release = (atEnd: boolean) => {
    while (held.length > 0) {
      const length = charLength(held, 0);
      if (length === 0 && !atEnd) return;
      const bytes = held.splice(0, Math.max(1, length));
      out(length > 0 ? Buffer.from(bytes).toString("utf8") : "\ufffd");
    }
  };
  return {
    push: (token) => {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
      if (byte !== undefined) held.push(Number.parseInt(byte, 16));
      release(byte === undefined);
      if (byte === undefined) out(token);
    },
    flush: () => release(true),
  };
};

export function stripToken(token: string, content: string, start: number, stop: number): string {
  const chars = Array.from(token);
  let from = 0;
  while (from < start && chars[from] === content) from++;
  let to = chars.length;
  while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
  return chars.slice(from, to).join("");
}

/** Strips the text as a whole: at its start at once, at its end by holding back what may be cut there. */
export const stripText =
  (content: string, start: number, stop: number): MakeStage =>
  (out) => {
    let left = start;
    let held = "";
    return {
      push: (token) => {
        let chars = held + token;
        held = "";
        while (left > 0 && chars.startsWith(content)) {
          chars = chars.slice(content.length);
          left--;
        }
        if (chars !== "") left = 0;
        const kept = stripToken(chars, content, 0, stop);
        held = chars.slice(kept.length);
        out(kept);
      },
      flush: () => {
        left = start;
        held = "";
      },
    };
  };

/** Replaces in the text as a whole, also across tokens: holds back an end that may begin the pattern. */
export const replaceInText =
  (from: string, to: string): MakeStage =>
  (out) => {
    let held = "";
    return {
      push: (token) => {
        const parts = (held + token).split(from);
        const last = parts.pop()!;
        let keep = Math.min(last.length, from.length - 1);
        while (keep > 0 && !from.startsWith(last.slice(last.length - keep))) keep--;
        held = last.slice(last.length - keep);
        out([...parts, last.slice(0, last.length - keep)].join(to));
      },
      flush: () => {
        out(held);
        held = "";
      },
    };
  };
