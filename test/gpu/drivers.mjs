// Vulkan drivers that run on the CPU, taken from Debian into a folder of their own: without root, and nothing of the system
// is touched. lavapipe (Mesa) is what suites run on; SwiftShader is the lower bound: no f16, four lanes, 256 invocations.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { alone } from "../alone.mjs";

const execute = promisify(execFile);

/** Debian 12's own Mesa is too old for Dawn; backports have 25. Security updates replace each other: no version is pinned. */
const suite = "bookworm-backports";
const sources = [
  "deb http://deb.debian.org/debian bookworm main",
  `deb http://deb.debian.org/debian ${suite} main`,
  "deb http://deb.debian.org/debian-security bookworm-security main",
];
/** With what they need and the system lacks (LLVM). */
const installed = ["mesa-vulkan-drivers", "libvulkan1"];
/** Chromium's copy of SwiftShader: two files of a large package. */
const swiftshader = { package: "chromium-common", files: ["libvk_swiftshader.so", "vk_swiftshader_icd.json"] };

export const drivers = ["lavapipe", "swiftshader", "system"];

/**
 * The environment in which `driver` is found, made now unless it is there, or why it cannot be had:
 * `{ folder, env }` or `{ missing }`. "system": whatever this machine has.
 */
export async function prepareDriver(driver, say = () => {}) {
  if (driver === "system") return { env: {} };
  if (process.platform !== "linux")
    return { missing: `drivers are taken from Debian, and this is ${process.platform}` };
  const key = createHash("sha256")
    .update(JSON.stringify([sources, installed, swiftshader, process.arch]))
    .digest("hex");
  const folder = join(tmpdir(), `deadlift-gpu-${key.slice(0, 12)}`);
  try {
    const isReady = () => existsSync(join(folder, "ready"));
    await mkdir(folder, { recursive: true });
    if (!isReady()) {
      await alone(join(folder, "lock"), async () => {
        if (isReady()) return;
        say(`taking lavapipe and SwiftShader from Debian into ${folder} (once)`);
        await install(folder);
      });
    }
    return { folder, env: await environment(folder, driver) };
  } catch (error) {
    return { missing: `the drivers could not be taken from Debian: ${lastLine(error)}` };
  }
}

/** LD_LIBRARY_PATH has to be there before a process starts. */
async function environment(folder, driver) {
  const list = [process.env.LD_LIBRARY_PATH, await libraries(folder)].filter(Boolean);
  const icd = join(folder, `${driver}.json`);
  return {
    VK_DRIVER_FILES: icd,
    VK_ICD_FILENAMES: icd, // what older loaders read
    LD_LIBRARY_PATH: list.reverse().join(":"),
    MESA_SHADER_CACHE_DIR: join(folder, "mesa_cache"),
  };
}

async function install(folder) {
  const at = (name) => join(folder, name);
  for (const name of ["lists/partial", "cache/archives/partial", "downloads"])
    await mkdir(at(name), { recursive: true });
  await writeFile(at("sources.list"), `${sources.join("\n")}\n`);
  await writeFile(at("apt.conf"), await aptConfiguration(folder));
  const env = { ...process.env, APT_CONFIG: at("apt.conf"), LC_ALL: "C" };
  const apt = (args, cwd = folder) => execute("apt-get", ["-q", ...args], { env, cwd, timeout: 600_000 });
  await apt(["update"]);
  await apt(["install", "--download-only", "--no-install-recommends", "-y", "-t", suite, ...installed]);
  await apt(["download", swiftshader.package], at("downloads"));

  await rm(at("root"), { recursive: true, force: true });
  for (const name of await packagesIn(at("cache/archives"))) await execute("dpkg-deb", ["-x", name, at("root")]);
  const [chromium] = await packagesIn(at("downloads"));
  await execute("dpkg-deb", ["-x", chromium, at("chromium")]);
  for (const name of swiftshader.files)
    await rename(join(at("chromium"), "usr/lib/chromium", name), join(at("root"), name));

  await describeDriver(folder, "lavapipe", join(await libraries(folder), "libvulkan_lvp.so"));
  await describeDriver(folder, "swiftshader", join(at("root"), "libvk_swiftshader.so"));
  for (const name of ["cache", "lists", "downloads", "chromium"]) await rm(at(name), { recursive: true, force: true });
  await writeFile(at("ready"), "");
}

/** The system's ways to the network (proxies ...), and nothing else of it: its hooks would run after what is done here. */
async function aptConfiguration(folder) {
  const { stdout } = await execute("apt-config", ["dump"], { env: { ...process.env, LC_ALL: "C" } });
  const network = stdout.split("\n").filter((line) => /^Acquire::(?!IndexTargets|CompressionTypes)/.test(line));
  const settings = {
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Cache::archives": join(folder, "cache/archives"),
    "Dir::Log": folder,
    // Nothing but the folder is written, so nobody needs to be kept away.
    "Debug::NoLocking": "1",
    "APT::Sandbox::User": "",
    // Else an update without a network is a success.
    "APT::Update::Error-Mode": "any",
  };
  return [...network, ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`), ""].join("\n");
}

async function packagesIn(folder) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".deb"));
  if (names.length === 0)
    throw new Error(`apt brought no packages: the system may have ${installed[0]} (--driver system)`);
  return names.map((name) => join(folder, name));
}

/** Where the packages have libraries: usr/lib/x86_64-linux-gnu. */
async function libraries(folder) {
  const lib = join(folder, "root/usr/lib");
  const name = (await readdir(lib)).find((one) => existsSync(join(lib, one, "libvulkan_lvp.so")));
  if (!name) throw new Error(`apt brought no lavapipe: the system may have ${installed[0]} (--driver system)`);
  return join(lib, name);
}

/** Packages name their libraries as if they were installed. */
async function describeDriver(folder, driver, library) {
  if (!existsSync(library)) throw new Error(`there is no ${library}`);
  const document = { file_format_version: "1.0.0", ICD: { library_path: library, api_version: "1.3.0" } };
  await writeFile(join(folder, `${driver}.json`), `${JSON.stringify(document)}\n`);
}

function lastLine(error) {
  if (error.code === "ENOENT" && error.path) return `${error.path} was not found`;
  return (error.stderr || error.message).trim().split("\n").at(-1);
}
