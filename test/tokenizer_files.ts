// Where the tokenizer tests find real files, and why they skip when those are not there.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseGguf } from "../src/formats/gguf.js";
import type { GgufMetadata } from "../src/tokenizer/gguf.js";

const shared = fileURLToPath(new URL("../../shared/weights/", import.meta.url));

/** The path of a file of the collection beside the checkout, or undefined. */
export function sharedFile(path: string): string | undefined {
  return existsSync(shared + path) ? shared + path : undefined;
}

/** A test name with the reason for its skip. */
export function because(name: string, path: string | undefined): string {
  return path ? name : `${name} (skipped: ../shared/weights is not beside the checkout)`;
}

/** The metadata of a GGUF file. */
export function ggufMetadata(path: string): GgufMetadata {
  const bytes = readFileSync(path);
  return parseGguf(bytes, bytes.length, path).metadata;
}
