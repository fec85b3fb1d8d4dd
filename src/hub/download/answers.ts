// Whether an answer to a request for bytes can be used: what it says it holds, before any of it is read.

import type { Reply } from "../http/http.js";
import type { Range } from "./blocks.js";

/** The bytes asked for or the first of them; the whole file from its start on; or neither, and why. */
export type Answer =
  | { readonly kind: "range"; readonly range: Range }
  | { readonly kind: "whole"; readonly encoding: string | undefined }
  | { readonly kind: "nonsense"; readonly why: string };

export type AnswerHead = Pick<Reply, "status" | "headers">;

/** What can be unpacked. */
const packings = ["gzip", "x-gzip", "deflate", "br"];

const contentRange = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/;

/** Judges an answer to a request for `asked` (undefined: the whole file) of a file of `size` bytes. */
export function examine(head: AnswerHead, asked: Range | undefined, size: number): Answer {
  const encoding = head.headers["content-encoding"]?.trim().toLowerCase() || "identity";
  if (head.status === 206) return examineRange(head, asked ?? { start: 0, end: size }, size, encoding);
  if (head.status !== 200) return { kind: "nonsense", why: statusText(head, asked) };
  if (packings.includes(encoding)) return { kind: "whole", encoding };
  if (encoding !== "identity") return { kind: "nonsense", why: `it sent the file as ${encoding}` };
  const length = head.headers["content-length"];
  if (length !== undefined && length !== String(size)) {
    return { kind: "nonsense", why: `it sent ${length} bytes where the file has ${size}` };
  }
  return { kind: "whole", encoding: undefined };
}

function examineRange(head: AnswerHead, asked: Range, size: number, encoding: string): Answer {
  const what = `bytes ${asked.start}-${asked.end - 1}/${size}`;
  if (encoding !== "identity") return { kind: "nonsense", why: `it sent ${what} as ${encoding}` };
  const text = head.headers["content-range"];
  const [, first, last, total] = contentRange.exec(text ?? "") ?? [];
  const range = { start: Number(first), end: Number(last) + 1 };
  const fits = range.start === asked.start && range.end > range.start && range.end <= asked.end;
  if (!fits || (total !== "*" && Number(total) !== size)) {
    return { kind: "nonsense", why: `asked for ${what}, it sent "${text ?? "no Content-Range"}"` };
  }
  const length = head.headers["content-length"];
  if (length !== undefined && length !== String(range.end - range.start)) {
    return { kind: "nonsense", why: `it sent ${length} bytes as "${text}"` };
  }
  return { kind: "range", range };
}

function statusText(head: AnswerHead, asked: Range | undefined): string {
  if (head.status !== 416) return `it answered with status ${head.status}`;
  const has = head.headers["content-range"] ?? "no Content-Range";
  return `it has no bytes ${asked?.start ?? 0}-${(asked?.end ?? 1) - 1} (status 416, "${has}")`;
}
