// What the hashing thread runs, as text: it has to be found from the modules and from the CommonJS bundle alike.

/**
 * Hashes files that are still being written, up to where the messages say they are. Messages in: { id, open: { fd,
 * algorithm, prefix, size } }, { id, to }, { id, close: true }; out: { id, hex }, { id, error }, { id, closed: true }.
 * Descriptors belong to the sender, who keeps them open until `closed` has come. Between pieces it looks for messages.
 */
export const hashSource = `
const { parentPort } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const { readSync } = require("node:fs");

const buffer = Buffer.allocUnsafeSlow(1 << 20);
const pieceBytes = 4 << 20;
const jobs = new Map();
let running = false;

parentPort.on("message", ({ id, open, to, close }) => {
  if (open) jobs.set(id, { ...open, hash: createHash(open.algorithm).update(open.prefix), at: 0, to: 0 });
  const job = jobs.get(id);
  if (job && to !== undefined) job.to = to;
  if (close) {
    jobs.delete(id);
    parentPort.postMessage({ id, closed: true });
  }
  if (!running) setImmediate(work);
  running = true;
});

function work() {
  running = false;
  for (const [id, job] of jobs) {
    try {
      advance(job);
      if (job.at < job.size) {
        if (job.at < job.to) running = true;
        continue;
      }
      parentPort.postMessage({ id, hex: job.hash.digest("hex") });
    } catch (error) {
      parentPort.postMessage({ id, error: error.message });
    }
    jobs.delete(id);
  }
  if (running) setImmediate(work);
}

function advance(job) {
  const end = Math.min(job.to, job.at + pieceBytes);
  while (job.at < end) {
    const bytes = readSync(job.fd, buffer, 0, Math.min(buffer.length, end - job.at), job.at);
    if (bytes === 0) throw new Error("the file ends at " + job.at + ", before its " + job.size + " bytes");
    job.hash.update(buffer.subarray(0, bytes));
    job.at += bytes;
  }
}
`;
