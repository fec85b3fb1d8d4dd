// Lets one process at a time do what several may want to, as preparing a folder that all of them use.

import { open, readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs `work` while no other process does; a lock whose owner has died is taken over. */
export async function alone(path, work) {
  for (;;) {
    const file = await open(path, "wx").catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
    if (file) {
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    }
    const owner = Number(await readFile(path, "utf8").catch(() => ""));
    if (owner > 0 && !alive(owner)) await rm(path, { force: true });
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
