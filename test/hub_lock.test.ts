// Locks between processes: exclusion, waiting, and their end with whoever held them.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type FileLock, lock, tryLock } from "../src/hub/cache/lock.js";
import { tempFolder } from "./reference/temp.js";

const addon = resolve(import.meta.dirname, "../build/Release/deadlift.node");
const posix = process.platform !== "win32";

/** Locks the file, says so, and keeps it until it is ended. */
const holder = `
  const { fileLockTry } = require(${JSON.stringify(addon)});
  globalThis.kept = fileLockTry(process.argv.at(-1), 0o664);
  process.stdout.write(typeof globalThis.kept === "string" ? globalThis.kept : "held");
  setInterval(() => {}, 1000);`;

async function startHolder(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", holder, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = await once(child.stdout!, "data");
  expect(String(said)).toBe("held");
  return child;
}

async function mustLock(path: string): Promise<FileLock> {
  const held = await lock(path);
  onTestFinished(() => held?.release());
  return held!;
}

function lockPath(): string {
  return join(tempFolder(), "locks", "models--org--name", "file.lock");
}

describe("a lock", () => {
  it("is held by one at a time in one process", async () => {
    const path = lockPath();
    const first = await mustLock(path);
    expect(await tryLock(path)).toBe("busy");
    const second = lock(path);
    first.release();
    first.release();
    const held = await second;
    expect(await tryLock(path)).toBe("busy");
    held!.release();
    (await mustLock(path)).release();
    expect(existsSync(path)).toBe(true);
  });

  it("is held by one at a time among threads and processes that count", async () => {
    const folder = tempFolder({ count: "0" });
    const code = `
      const { fileLockTry, fileUnlock } = require(${JSON.stringify(addon)});
      const { readFileSync, writeFileSync } = require("node:fs");
      const [lock, count] = process.argv.slice(-2);
      for (let done = 0; done < 50; ) {
        const held = fileLockTry(lock, 0o664);
        if (held === "busy") continue;
        writeFileSync(count, String(Number(readFileSync(count, "utf8")) + 1));
        fileUnlock(held);
        done++;
      }`;
    const paths = [join(folder, "lock"), join(folder, "count")];
    const threads = [1, 2].map(() => new Worker(code, { eval: true, argv: paths }));
    const processes = [1, 2].map(() => spawn(process.execPath, ["-e", code, ...paths], { stdio: "inherit" }));
    await Promise.all([...threads, ...processes].map((one) => once(one, "exit")));
    expect(readFileSync(paths[1]!, "utf8")).toBe("200");
  });

  it("ends with a process that is killed", async () => {
    const path = join(tempFolder(), "lock");
    const child = await startHolder(path);
    expect(await tryLock(path)).toBe("busy");
    const waiting = lock(path);
    child.kill("SIGKILL");
    (await waiting)!.release();
  });

  it("ends with a thread that is terminated", async () => {
    const path = join(tempFolder(), "lock");
    const code = `
      globalThis.kept = require(${JSON.stringify(addon)}).fileLockTry(require("node:worker_threads").workerData, 0o664);
      require("node:worker_threads").parentPort.postMessage("held");
      setInterval(() => {}, 1000);`;
    const thread = new Worker(code, { eval: true, workerData: path });
    await once(thread, "message");
    expect(await tryLock(path)).toBe("busy");
    await thread.terminate();
    (await mustLock(path)).release();
  });

  it("ends when nobody can release it any more", async () => {
    const path = join(tempFolder(), "lock");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const forget = async () => void (await lock(path));
    await forget();
    const held = lock(path);
    const collecting = setInterval(collect, 10);
    onTestFinished(() => clearInterval(collecting));
    (await held)!.release();
  });

  it("is not handed on to children", async () => {
    const path = join(tempFolder(), "lock");
    const held = await mustLock(path);
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); process.stdout.write('up')"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    held.release();
    (await mustLock(path)).release();
  });

  it.runIf(posix)("is taken again on the file that has the name now, when it was removed", async () => {
    const path = join(tempFolder(), "lock");
    const first = await mustLock(path);
    unlinkSync(path);
    const second = await mustLock(path);
    expect(await tryLock(path)).toBe("busy");
    first.release();
    expect(await tryLock(path)).toBe("busy");
    second.release();
  });
});

it.runIf(process.platform === "linux")("attempts leave no descriptor behind, whatever becomes of them", async () => {
  const folder = tempFolder({ "lock.d/x": "" });
  const path = join(folder, "lock");
  const descriptors = () => readdirSync("/proc/self/fd").length;
  for (let i = 0; i < 50; i++) {
    const held = await lock(path);
    await tryLock(path);
    await tryLock(join(folder, "lock.d")).catch(() => undefined);
    held!.release();
  }
  const before = descriptors();
  for (let i = 0; i < 200; i++) {
    const held = await lock(path);
    expect(await tryLock(path)).toBe("busy");
    await expect(tryLock(join(folder, "lock.d"))).rejects.toMatchObject({ code: "FileUnreadable" });
    held!.release();
  }
  expect(descriptors()).toBeLessThan(before + 20);
});

describe("waiting", () => {
  it("says so once, after a while", async () => {
    const path = join(tempFolder(), "lock");
    const first = await mustLock(path);
    const onWait = vi.fn(() => setTimeout(() => first.release(), 600));
    (await lock(path, { onWait }))!.release();
    expect(onWait).toHaveBeenCalledTimes(1);
    (await lock(path, { onWait }))!.release();
    expect(onWait).toHaveBeenCalledTimes(1);
  });

  it("ends by a signal, and leaves the lock to others", async () => {
    const path = join(tempFolder(), "lock");
    const first = await mustLock(path);
    const stop = new AbortController();
    const waiting = lock(path, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "Aborted" });
    await expect(lock(path, { signal: stop.signal })).rejects.toMatchObject({ code: "Aborted" });
    first.release();
    (await mustLock(path)).release();
  });
});

describe.runIf(posix)("the file of a lock", () => {
  it("may be written by those it is meant for, whatever the umask", async () => {
    const folder = tempFolder();
    const before = process.umask(0o077);
    try {
      for (const [name, mode] of Object.entries({ group: undefined, all: 0o666 })) {
        const held = await lock(join(folder, name), mode === undefined ? {} : { mode });
        held!.release();
        expect(statSync(join(folder, name)).mode & 0o777).toBe(mode ?? 0o664);
      }
    } finally {
      process.umask(before);
    }
  });

  it("stays as it is when it is there", async () => {
    const folder = tempFolder({ lock: "from another program" });
    chmodSync(join(folder, "lock"), 0o640);
    (await mustLock(join(folder, "lock"))).release();
    expect(readFileSync(join(folder, "lock"), "utf8")).toBe("from another program");
    expect(statSync(join(folder, "lock")).mode & 0o777).toBe(0o640);
  });

  it("is no link and no folder", async () => {
    const folder = tempFolder({ target: "precious" });
    symlinkSync(join(folder, "target"), join(folder, "link"));
    symlinkSync(join(folder, "new"), join(folder, "dangling"));
    mkdirSync(join(folder, "folder"));
    for (const name of ["link", "dangling", "folder"]) {
      await expect(lock(join(folder, name)), name).rejects.toMatchObject({ code: "FileUnreadable" });
    }
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)(
    "cannot be made in a folder that may not be written, but an old one serves",
    async () => {
      const folder = tempFolder({ old: "" });
      chmodSync(join(folder, "old"), 0o444);
      chmodSync(folder, 0o555);
      onTestFinished(() => chmodSync(folder, 0o755));
      await expect(lock(join(folder, "new"))).rejects.toMatchObject({ code: "ReadOnlyCache" });
      await expect(lock(join(folder, "folder", "new"))).rejects.toMatchObject({ code: "ReadOnlyCache" });
      (await mustLock(join(folder, "old"))).release();
    },
  );
});

describe("a file system without locks", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  it("gives none, at once", async () => {
    const folder = tempFolder({ "addon.cjs": 'exports.fileLockTry = () => "unsupported";' });
    vi.stubEnv("DEADLIFT_ADDON", join(folder, "addon.cjs"));
    vi.resetModules();
    const without = await import("../src/hub/cache/lock.js");
    expect(await without.lock(join(folder, "lock"))).toBeUndefined();
    expect(await without.tryLock(join(folder, "lock"))).toBeUndefined();
  });
});
