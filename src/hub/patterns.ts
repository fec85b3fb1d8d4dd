// Which files a list of patterns means, exactly as Python's huggingface_hub reads allow_patterns and ignore_patterns.

/** A character: any run of them, any one, one of some ranges, or itself. */
type Token =
  | "*"
  | "?"
  | { readonly ranges: readonly (readonly [string, string])[]; readonly not: boolean }
  | { readonly is: string };

/**
 * The paths that match a pattern of `include` (undefined: all) and none of `exclude`. `*` also matches "/", `[a-z]` and
 * `[!a-z]` one character; a pattern that ends with "/" means all that is in the folder; "\" is "/". Case counts.
 */
export function filterPaths(
  paths: readonly string[],
  include: readonly string[] | undefined,
  exclude: readonly string[] | undefined,
): string[] {
  const included = include?.map(compile);
  const excluded = exclude?.map(compile) ?? [];
  return paths.filter((path) => {
    const characters = [...path.replaceAll("\\", "/")];
    if (included && !included.some((pattern) => matches(characters, pattern))) return false;
    return !excluded.some((pattern) => matches(characters, pattern));
  });
}

function compile(pattern: string): Token[] {
  const slashes = pattern.replaceAll("\\", "/");
  const characters = [...(slashes.endsWith("/") ? `${slashes}*` : slashes)];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    const end = character === "[" ? setEnd(characters, at) : -1;
    if (character === "*" || character === "?") tokens.push(character);
    else if (end === -1) tokens.push({ is: character });
    else {
      tokens.push(readSet(characters.slice(at + 1, end)));
      at = end;
    }
  }
  return tokens;
}

/** Where the set that begins at `at` ends; -1: nowhere, so that "[" is meant. A "]" at its start is part of it. */
function setEnd(characters: readonly string[], at: number): number {
  const first = at + 1 + (characters[at + 1] === "!" ? 1 : 0);
  return characters.indexOf("]", first + (characters[first] === "]" ? 1 : 0));
}

function readSet(characters: readonly string[]): Token {
  const not = characters[0] === "!";
  const ranges: [string, string][] = [];
  for (let at = not ? 1 : 0; at < characters.length; at++) {
    const isRange = characters[at + 1] === "-" && at + 2 < characters.length;
    ranges.push([characters[at]!, characters[isRange ? at + 2 : at]!]);
    if (isRange) at += 2;
  }
  return { ranges, not };
}

/** Goes back to the last "*" only, so that no pattern takes longer than its length times that of the path. */
function matches(path: readonly string[], tokens: readonly Token[]): boolean {
  let at = 0;
  let token = 0;
  let star: { at: number; token: number } | undefined;
  while (at < path.length) {
    if (tokens[token] === "*") {
      star = { at, token: ++token };
    } else if (token < tokens.length && accepts(tokens[token]!, path[at]!)) {
      at++;
      token++;
    } else {
      if (!star) return false;
      at = ++star.at;
      token = star.token;
    }
  }
  return tokens.slice(token).every((rest) => rest === "*");
}

function accepts(token: Token, character: string): boolean {
  if (token === "?" || token === "*") return true;
  if ("is" in token) return token.is === character;
  const point = character.codePointAt(0)!;
  const within = token.ranges.some(([from, to]) => from.codePointAt(0)! <= point && point <= to.codePointAt(0)!);
  return within !== token.not;
}
