// Reads the head of an HTTP/1.1 answer on a direct connection: strictly, since whatever is unusual can go another way.

import type { Headers } from "../http/http.js";

export interface DirectHead {
  readonly status: number;
  /** Names in lower case; several of one name are joined by ", ". */
  readonly headers: Headers;
  /** Another request may follow on this connection. */
  readonly keepAlive: boolean;
}

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** `text` ends before the empty line. undefined: no head that can be relied on. */
export function parseHead(text: string): DirectHead | undefined {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, status] = statusLine.exec(first) ?? [];
  if (status === undefined) return undefined;
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = field.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const connection = headers.connection?.toLowerCase() ?? "";
  return { status: Number(status), headers, keepAlive: minor === "1" && !connection.includes("close") };
}

/** The bytes of a body that can be read as it comes; undefined: it is packed, in chunks, or of no announced length. */
export function plainLength({ status, headers }: DirectHead): number | undefined {
  const length = headers["content-length"];
  const plain = status === 206 && headers["transfer-encoding"] === undefined;
  return plain && length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}
