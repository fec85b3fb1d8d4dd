// Cuts a listing into pages joined by Link headers with absolute URLs.

import { badRequest } from "./errors.js";

export interface Page {
  /** Most entries on a page. */
  size: number;
  endpoint: string;
}

/** The page that the URL's `cursor` and `limit` ask for, and the headers that lead to the next one. */
export function pageOf<T>(
  all: T[],
  url: URL,
  { size, endpoint }: Page,
): { items: T[]; headers: Record<string, string> } {
  const cursor = url.searchParams.get("cursor");
  const start = cursor === null ? 0 : Number(Buffer.from(cursor, "base64url").toString());
  if (!Number.isInteger(start)) throw badRequest("Invalid cursor");
  const limit = url.searchParams.get("limit");
  if (limit !== null && !/^\d+$/.test(limit)) throw badRequest("Invalid limit");
  const end = start + Math.min(size, limit === null ? size : Math.max(1, Number(limit)));
  const items = all.slice(start, end);
  if (end >= all.length) return { items, headers: {} };
  const next = new URL(url.pathname + url.search, endpoint);
  next.searchParams.set("cursor", Buffer.from(String(end)).toString("base64url"));
  return { items, headers: { Link: `<${next.href}>; rel="next"` } };
}
