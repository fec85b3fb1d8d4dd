// The thread that has the device: Dawn polls on the event loop of whoever waits for it, and that must not be the server's.

import { parentPort } from "node:worker_threads";
import { DeadliftError } from "../../error.js";
import { MappedFile, native } from "../../native.js";
import type { Tensor } from "../../tensor.js";
import type { Batch } from "../backend.js";
import { Device } from "./device.js";
import { GpuExecutable } from "./executable.js";
import { Kernels } from "./kernels.js";
import { measure } from "./measure.js";
import type { Abort, Answer, Call, Calls, Question, SentBatch } from "./messages.js";

const port = parentPort!;
const executables = new Map<number, GpuExecutable>();
const asked = new Set<number>();
let opened: { readonly device: Device; readonly kernels: Kernels } | undefined;
let next = 0;

const calls: { readonly [C in Call]: (ask: Calls[C]["ask"], id: number) => Promise<Calls[C]["answer"]> } = {
  async open(options) {
    const device = await Device.open(options);
    opened = { device, kernels: new Kernels(device) };
    return device.facts;
  },

  async compile({ program, files: sent, weights, options }, id) {
    const { device, kernels } = opened!;
    const files: MappedFile[] = [];
    const told = (uploaded: number) => {
      if (!asked.has(id)) throw new DeadliftError("Aborted", "the work was aborted by its signal");
      say({ id, uploaded });
    };
    try {
      for (const { path, ticket } of sent) files.push(MappedFile.adopt(path, ticket));
      const tensors = weights.map((list) => list.map(({ file, ...rest }): Tensor => ({ ...rest, file: files[file]! })));
      const executable = await GpuExecutable.make(device, kernels, program, tensors, options, told);
      executables.set(++next, executable);
      return { executable: next, options: executable.options };
    } finally {
      // The device has them all.
      for (const file of files) file.close();
    }
  },

  measure: () => measure(opened!.device),

  run: ({ executable, batch }) => executableOf(executable).run(received(batch)),

  options: async ({ executable }) => executableOf(executable).options,

  async copyPage({ executable, from, to }) {
    await executableOf(executable).copyPage(from, to);
    return undefined;
  },

  async dispose({ executable }) {
    await executables.get(executable)?.dispose();
    executables.delete(executable);
    return undefined;
  },

  async close() {
    for (const executable of executables.values()) await executable.dispose();
    await opened?.device.destroy();
    return undefined;
  },
};

function executableOf(number: number): GpuExecutable {
  const found = executables.get(number);
  if (!found) throw new DeadliftError("Disposed", "the model has been disposed");
  return found;
}

function received({ tokens, segments, spans, outputs }: SentBatch): Batch {
  return {
    tokens,
    segments,
    spans,
    outputs: outputs.map(({ sampler, ...rest }) => ({
      ...rest,
      sampler: sampler === undefined ? undefined : native().samplerAdopt(sampler),
    })),
  };
}

function say(answer: Answer): void {
  port.postMessage(answer);
}

async function answer({ id, call, ask }: Question): Promise<void> {
  asked.add(id);
  try {
    const work = calls[call] as (ask: unknown, id: number) => Promise<Calls[Call]["answer"]>;
    say({ id, answer: await work(ask, id) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    say({ id, error: { code: error instanceof DeadliftError ? code! : "Internal", message } });
  }
  asked.delete(id);
  if (call === "close") port.close();
}

port.on("message", (message: Question | Abort) => {
  if ("abort" in message) asked.delete(message.abort);
  else void answer(message);
});
