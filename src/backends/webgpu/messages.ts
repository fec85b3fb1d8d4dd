// What the JavaScript threads say to each other: the one that serves, and the one that has the device.

import type { Sampled, Score } from "../../native.js";
import type { Program } from "../../program/ops.js";
import type { QuantName } from "../../quants/index.js";
import type { CompileOptions, Span } from "../backend.js";
import type { AdapterFacts, DeviceOptions } from "./device.js";

/** A mapped file by its ticket (native.ts, fileShare). */
export interface SentFile {
  readonly path: string;
  readonly ticket: number;
}

export interface SentTensor {
  readonly name: string;
  readonly quant: QuantName;
  readonly shape: readonly number[];
  /** Index in the message's files. */
  readonly file: number;
  readonly offset: number;
  readonly byteLength: number;
}

export interface SentOutput {
  readonly token: number;
  /** Ticket of its sampler (native.ts, samplerShare). */
  readonly sampler: number | undefined;
  readonly guess: boolean | undefined;
  readonly logits: boolean | undefined;
  readonly target: number | undefined;
  readonly base: Float32Array | undefined;
}

export interface SentBatch {
  readonly tokens: Int32Array;
  readonly segments: Int32Array | undefined;
  readonly spans: readonly Span[];
  readonly outputs: readonly SentOutput[];
}

/** What the device's thread is asked, and what it answers. */
export interface Calls {
  open: { ask: DeviceOptions; answer: AdapterFacts };
  compile: {
    ask: {
      readonly program: Program;
      readonly files: readonly SentFile[];
      /** For each weight of the program, its tensors. */
      readonly weights: readonly (readonly SentTensor[])[];
      readonly options: Omit<CompileOptions, "onUpload" | "signal">;
    };
    answer: { readonly executable: number; readonly options: CompileOptions };
  };
  run: {
    ask: { readonly executable: number; readonly batch: SentBatch };
    answer: readonly {
      readonly sampled: Sampled | undefined;
      readonly logits: Float32Array | undefined;
      readonly score: Score | undefined;
    }[];
  };
  measure: { ask: undefined; answer: { readonly bandwidthGbs: number; readonly tflops: number } };
  /** As they are now. */
  options: { ask: { readonly executable: number }; answer: CompileOptions };
  copyPage: { ask: { readonly executable: number; readonly from: number; readonly to: number }; answer: undefined };
  dispose: { ask: { readonly executable: number }; answer: undefined };
  /** The thread ends after its answer. */
  close: { ask: undefined; answer: undefined };
}

export type Call = keyof Calls;

export type Question = {
  readonly [C in Call]: { readonly id: number; readonly call: C; readonly ask: Calls[C]["ask"] };
}[Call];

/** A question that is not to be answered any more. */
export interface Abort {
  readonly abort: number;
}

export type Answer =
  | { readonly id: number; readonly answer: Calls[Call]["answer"] }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }
  /** Bytes of weights that have been sent to the device since the last word. */
  | { readonly id: number; readonly uploaded: number };
