// Locks between Python and us, in both directions.

import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { lock, tryLock } from "../../src/hub/cache/lock.js";
import { tempFolder } from "../reference/temp.js";
import { envOf } from "./cache_listing.js";
import { describePythons } from "./python.js";

describePythons("a lock", (python) => {
  it("of Python's keeps us waiting, until it ends", async () => {
    const path = join(tempFolder(), "models--org--name", "x.lock");
    mkdirSync(join(path, ".."), { recursive: true });
    const script = `
import sys, time
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(1000)`;
    const { child } = python.start(script, envOf(), [path]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    expect(await tryLock(path)).toBe("busy");
    const waiting = lock(path);
    child.kill("SIGKILL");
    (await waiting)!.release();
  });

  it("of ours keeps Python waiting, until we release it", async () => {
    const path = join(tempFolder(), "x.lock");
    const held = await lock(path);
    const script = `
import sys
from filelock import Timeout
from huggingface_hub.utils import WeakFileLock
try:
    with WeakFileLock(sys.argv[1], timeout=0.2): print("held")
except Timeout: print("busy", flush=True)
with WeakFileLock(sys.argv[1]): print("held")`;
    const { child, done } = python.start(script, envOf(), [path]);
    const [said] = await once(child.stdout!, "data");
    expect(String(said).trim()).toBe("busy");
    held!.release();
    expect(await done).toMatchObject({ status: 0, stdout: "busy\nheld\n" });
  });

  it("lets one count at a time", async () => {
    const folder = tempFolder({ count: "0" });
    const [path, count] = [join(folder, "lock"), join(folder, "count")];
    const script = `
import sys
from huggingface_hub.utils import WeakFileLock
for _ in range(100):
    with WeakFileLock(sys.argv[1]):
        n = int(open(sys.argv[2]).read())
        open(sys.argv[2], "w").write(str(n + 1))`;
    const { done } = python.start(script, envOf(), [path, count]);
    for (let i = 0; i < 100; ) {
      const held = await tryLock(path);
      if (held === "busy") continue;
      writeFileSync(count, String(Number(readFileSync(count, "utf8")) + 1));
      held!.release();
      i++;
    }
    expect(await done).toMatchObject({ status: 0 });
    expect(readFileSync(count, "utf8")).toBe("200");
  });
});
