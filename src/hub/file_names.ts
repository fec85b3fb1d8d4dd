// Which names a repository's files may have: a name comes from a stranger and becomes a path on this disk.

import { DeadliftError } from "../error.js";

/** What file systems hold, in bytes of UTF-8. */
const maxSegmentBytes = 255;
const maxPathBytes = 2048;

/** Names of devices on Windows, whatever follows after a dot. */
const deviceName = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;

/** Throws UnsafeFileName unless `path` names a file inside of its repository on every operating system. */
export function checkFileName(path: string, repo: string): void {
  const wrong = unsafePart(path);
  if (wrong === undefined) return;
  const shown = JSON.stringify(path.length > 120 ? `${path.slice(0, 117)}...` : path);
  throw new DeadliftError(
    "UnsafeFileName",
    `${repo} has a file called ${shown}: it ${wrong}, so it could do harm here; nothing of it was written`,
  );
}

/** What is wrong with a relative path with "/" between its segments; undefined: nothing. */
export function unsafePart(path: string): string | undefined {
  if (path === "") return "is empty";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\x00-\x1f\x7f-\x9f]/.test(path)) return "holds control characters";
  if (/\p{Surrogate}/u.test(path)) return "is no valid Unicode";
  if (path.includes("\\")) return "holds a backslash";
  if (path.startsWith("/")) return "is absolute";
  if (path.includes(":")) return 'holds a ":" (a drive or a stream on Windows)';
  if (Buffer.byteLength(path) > maxPathBytes) return `is longer than ${maxPathBytes} bytes`;
  for (const segment of path.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has a segment "${segment}"`;
    if (/[. ]$/.test(segment)) return "has a segment that ends with a dot or a space";
    if (deviceName.test(segment)) return "names a device of Windows";
    if (Buffer.byteLength(segment) > maxSegmentBytes) return `has a segment longer than ${maxSegmentBytes} bytes`;
  }
  return undefined;
}
