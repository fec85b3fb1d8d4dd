// Starts the tests' Hub in a process of its own, for TypeScript (through spawn.ts), for bench/*.mjs and for the command line.
//
//   import { launchHub } from "../test/hub/launch.mjs";
//   const hub = await launchHub({ repos: [{ id: "org/model", files: { "model.safetensors": { seed: 1, size: 1 << 30 } } }] });
//   hub.endpoint, hub.cdn, hub.heads["org/model"], await hub.call("bytesSent", { host: "cdn" }), await hub.close()
//
//   node test/hub/launch.mjs '{"repos":[{"id":"org/model","files":{"config.json":"{}"}}],"options":{"port":8080}}'
//   prints {"endpoint", "cdn", "heads"} as one line and serves until SIGINT, SIGTERM or the end of its standard input.

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The server as one JavaScript file in the temporary folder. */
async function bundleHub() {
  const entry = fileURLToPath(new URL("process.ts", import.meta.url));
  const made = await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", write: false });
  const file = join(tmpdir(), `deadlift-hub-${randomUUID()}.mjs`);
  await writeFile(file, made.outputFiles[0].text);
  return file;
}

/** See launch.d.mts. */
export async function launchHub(spec) {
  const file = await bundleHub();
  const child = fork(file, { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.on("message", ({ call, value, error }) => {
    const { resolve, reject } = waiting.get(call);
    waiting.delete(call);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  });
  ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error("the Hub's process has ended"));
  });
  let calls = 0;
  const send = (message) =>
    new Promise((resolve, reject) => {
      waiting.set(calls++, { resolve, reject });
      child.send(message);
    });
  const ready = await send(spec).finally(() => rm(file));
  const call = (method, ...args) => send({ call: calls, method, args });
  return {
    ...ready,
    pid: child.pid,
    call,
    async close() {
      await call("close");
      child.disconnect();
      await ended;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { endpoint, cdn, heads, close } = await launchHub(JSON.parse(process.argv[2] ?? '{"repos":[]}'));
  console.log(JSON.stringify({ endpoint, cdn, heads }));
  const leave = () => close().then(() => process.exit());
  process.once("SIGINT", leave).once("SIGTERM", leave);
  process.stdin.resume().once("end", leave);
}
