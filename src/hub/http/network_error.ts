// Trouble below HTTP - no connection, none that lasts, a certificate that does not hold - as one error with advice.

import { DeadliftError } from "../../error.js";
import { neverRetry, unconnected } from "./retry.js";

interface Trouble {
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly Trouble[];
  readonly cause?: Trouble;
}

const explanations: Record<string, string> = {
  ENOTFOUND: "its name is not known here; is this machine online?",
  EAI_AGAIN: "its name could not be looked up; is this machine online?",
  ECONNREFUSED: "it refuses connections",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  EHOSTUNREACH: "there is no way to it; is this machine online?",
  ENETUNREACH: "there is no way to it; is this machine online?",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  UND_ERR_HEADERS_TIMEOUT: "it does not answer",
  UND_ERR_BODY_TIMEOUT: "it stopped sending",
  UND_ERR_SOCKET: "it closed the connection",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "it sent less or more than it announced",
  UND_ERR_HEADERS_OVERFLOW: "the head of its answer is too long",
};

const withoutConnection = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);

/** Unreachable with what failed in words, the proxy named; `error` is kept as its cause. */
export function networkError(error: unknown, url: URL, proxy: string | undefined): DeadliftError {
  const code = codeOf(error as Trouble);
  const over = proxy ? ` through the proxy ${proxy}` : "";
  const why = proxyRefusal(error as Trouble, proxy) ?? tlsTrouble(code) ?? explain(error as Trouble, code);
  const failure = new DeadliftError("Unreachable", `${url.host} cannot be reached${over}: ${why}`, { cause: error });
  if (isLasting(code, error as Trouble)) return neverRetry(failure);
  return withoutConnection.has(code) ? unconnected(failure) : failure;
}

function codeOf(error: Trouble | undefined): string {
  // Several addresses were tried: the first failure stands for all.
  return error?.code ?? codeOf2(error?.errors?.[0]) ?? codeOf2(error?.cause) ?? "";
}

function codeOf2(error: Trouble | undefined): string | undefined {
  return error && (codeOf(error) || undefined);
}

function explain(error: Trouble, code: string): string {
  const known = explanations[code];
  if (known) return `${known} (${code})`;
  return [error?.message, code && `(${code})`].filter(Boolean).join(" ") || "no reason was given";
}

function proxyRefusal(error: Trouble, proxy: string | undefined): string | undefined {
  if (!proxy) return undefined;
  const status = /\((407)\)|Proxy response \((\d+)\)/.exec(error?.message ?? "");
  if (!status) return undefined;
  const number = status[1] ?? status[2];
  if (number !== "407") return `the proxy answers ${number}`;
  return "the proxy wants a name and password (407): put them in its address, http://NAME:PASSWORD@HOST:PORT";
}

function tlsTrouble(code: string): string | undefined {
  if (!isCertificateCode(code)) return undefined;
  const advice = "name its issuer's file in NODE_EXTRA_CA_CERTS if you trust it";
  return `its certificate does not hold (${code}); ${advice}`;
}

function isCertificateCode(code: string): boolean {
  return /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY))/.test(code);
}

/** Trouble that waiting does not cure. */
function isLasting(code: string, error: Trouble): boolean {
  return isCertificateCode(code) || /\(407\)/.test(error?.message ?? "");
}
