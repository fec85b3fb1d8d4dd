// A device's thread that answers once and is gone: backend.test.ts.

import { parentPort } from "node:worker_threads";

parentPort.on("message", ({ id, call }) => {
  if (call === "open") parentPort.postMessage({ id, answer: { name: "nothing" } });
  else process.exit(3);
});
