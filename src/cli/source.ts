// Where a command's model and text come from: loading with progress, files and standard input read strictly.

import { readFile } from "node:fs/promises";
import {
  DeadliftError,
  type LoadOptions,
  type LoadProgress,
  loadModel,
  loadTokenizer,
  type Model,
  type Tokenizer,
} from "../index.js";
import { ConversionDisplay } from "./conversion_display.js";
import { type DownloadDisplay, downloadDisplay } from "./download_display.js";
import { UsageError } from "./failure.js";
import { type LoadFlags, loadOptions } from "./flags.js";
import { type HubFlags, hubOptions } from "./hub_flags.js";
import { interruption } from "./interruption.js";
import { oneLine } from "./output.js";
import { Progress } from "./progress.js";

const STAGES = {
  files: "opening the files",
  tokenizer: "reading the tokenizer",
  program: "preparing the model",
  repack: "repacking the weights",
  upload: "copying weights to the GPU",
  ready: "ready",
};

/** Opens a model, and downloads it before where that is needed. */
export function load(name: string, flags: LoadFlags, more?: LoadOptions): Promise<Model> {
  return withProgress(name, flags.json === true, (onProgress) =>
    loadModel(name, { ...loadOptions(flags), ...more, signal: interruption, onProgress }),
  );
}

/** The same for nothing but its tokenizer. */
export function loadOnlyTokenizer(name: string, flags: HubFlags & { readonly json?: boolean }): Promise<Tokenizer> {
  return withProgress(name, flags.json === true, (onProgress) =>
    loadTokenizer(name, { ...hubOptions(flags), signal: interruption, onProgress }),
  );
}

/** A spinner turns while it loads; while it downloads, the bars take its place. */
async function withProgress<T>(
  name: string,
  quiet: boolean,
  open: (onProgress: (progress: LoadProgress) => void) => Promise<T>,
): Promise<T> {
  const title = `loading ${oneLine(name)}`;
  let spinner: Progress | undefined = new Progress(title);
  let download: DownloadDisplay | undefined;
  let conversion: ConversionDisplay | undefined;
  const stop = () => {
    spinner?.stop();
    download?.stop();
    conversion?.stop();
    spinner = download = conversion = undefined;
  };
  const onProgress = (progress: LoadProgress) => {
    if ("repo" in progress) {
      if (!download) stop();
      download ??= downloadDisplay(quiet);
      download.show(progress);
    } else if (progress.stage === "quantize") {
      if (!conversion) stop();
      conversion ??= new ConversionDisplay(`quantising ${oneLine(name)}`, quiet);
      conversion.show(progress);
    } else {
      if (!spinner) stop();
      spinner ??= new Progress(title);
      spinner.update(`${title}: ${STAGES[progress.stage]}${share(progress)}`);
    }
  };
  try {
    return await open(onProgress);
  } finally {
    stop();
  }
}

function share(progress: Exclude<LoadProgress, { repo: string }>): string {
  if (!("bytes" in progress)) return "";
  return `, ${Math.floor((100 * progress.bytes) / Math.max(1, progress.totalBytes))} %`;
}

/** The text of a file, which must be UTF-8. */
export async function readText(path: string): Promise<string> {
  try {
    return decode(await readFile(path), path);
  } catch (cause) {
    if (cause instanceof DeadliftError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const reason = missing ? "there is no such file" : (cause as Error).message;
    throw new DeadliftError(missing ? "FileNotFound" : "FileUnreadable", `cannot read ${path}: ${reason}`, { cause });
  }
}

/** Texts that were given, or the lines of a file or of standard input. Throws UsageError without any. */
export async function readTexts(from: {
  readonly text?: readonly string[] | undefined;
  readonly textFile?: string | undefined;
}): Promise<readonly string[]> {
  const { text, textFile } = from;
  if (text && textFile !== undefined) throw new UsageError("texts and a file of them exclude each other", "Give one.");
  if (text) return text;
  const lines = textFile === undefined ? await readStandardInput() : await readText(textFile);
  if (lines === undefined) throw new UsageError("there are no texts", "Give some, or pipe lines in.");
  return lines.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** All of standard input, or undefined when that is somebody at a keyboard. */
export async function readStandardInput(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return decode(Buffer.concat(chunks), "standard input");
}

function decode(data: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch (cause) {
    throw new DeadliftError("FileUnreadable", `${name} is not UTF-8 text`, { cause });
  }
}
