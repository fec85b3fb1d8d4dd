// What `deadlift doctor` says of GPUs, and that no driver can keep it from saying so. No GPU needed.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gpuSigns, hasGpuDevice } from "../../src/backends/webgpu/driver_places.js";
import { describeGpus } from "../../src/gpus.js";
import { nodeProblems } from "../../src/machine.js";
import { deadlift } from "../cli_process.js";
import { gpu, llvmpipe } from "./reports.js";

const folder = mkdtempSync(join(tmpdir(), "deadlift-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const none = { makers: [], devices: false, wsl: false };
const cpu = { bandwidthGbs: 40, threads: 2 };
const noDriver = "the system has no GPU driver that Dawn can use";
const noLoader = "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file";
const unloadable = (why: string) => `the npm package webgpu cannot be loaded on linux-x64: ${why}`;

describe("what it says", () => {
  it("which GPU is taken, and when", () => {
    const info = describeGpus({ adapters: [gpu(), llvmpipe], cpu }, none);
    expect(info).toMatchObject({ available: true, cpuBandwidthGbs: 40, error: undefined, problems: [] });
    expect(info.reason).toMatch(/^"auto" takes Card 1 for a model of 4\.5 GB; expected for a token: .* on Card 1, /);
  });

  it("that a machine without a GPU has no problem", () => {
    for (const error of [noDriver, unloadable("Cannot find package 'webgpu'")]) {
      expect(describeGpus({ adapters: [], error }, none)).toMatchObject({
        available: false,
        reason: error,
        problems: [],
      });
    }
    expect(describeGpus({ adapters: [{ ...llvmpipe, usable: false, reason: "software" }] }, none).problems).toEqual([]);
  });

  const nvidia = { makers: ["NVIDIA"], devices: true, wsl: false };
  it.each([
    [
      "a driver that crashes",
      { error: "the probe of the GPU ended with signal SIGSEGV" },
      none,
      /^update the GPU's driver/,
    ],
    ["no package", { error: unloadable("Cannot find package 'webgpu' imported from x") }, nvidia, /npm install webgpu/],
    ["an old libc", { error: unloadable("/lib/libc.so.6: version `GLIBC_2.34' not found") }, nvidia, /glibc 2\.34/],
    ["an old libstdc++", { error: unloadable("version `GLIBCXX_3.4.30' not found") }, nvidia, /GCC 12/],
    ["musl", { error: unloadable("Error loading shared library ld-linux-x86-64.so.2") }, nvidia, /Alpine/],
    [
      "no binary",
      { error: unloadable("Cannot find module '/x/dist/freebsd-x64/dawn.node'") },
      nvidia,
      /run on the CPU/,
    ],
    ["NVIDIA without its Vulkan part", { error: noDriver }, nvidia, /NVIDIA_DRIVER_CAPABILITIES=all/],
    ["NVIDIA without a loader", { error: noDriver, said: noLoader }, nvidia, /libvulkan1/],
    ["a container without devices", { error: noDriver }, { ...none, makers: ["AMD"] }, /--device \/dev\/dri/],
    [
      "AMD without a driver",
      { error: noDriver },
      { ...none, makers: ["AMD"], devices: true },
      /mesa-vulkan-drivers.*render/,
    ],
    ["Windows' subsystem", { error: noDriver }, { ...none, wsl: true }, /dzn/],
  ])("what to do about %s", (_, found, signs, advice) => {
    const { problems } = describeGpus({ adapters: [], ...found }, signs);
    expect(problems).toEqual([{ problem: expect.any(String), advice: expect.stringMatching(advice) }]);
  });

  it("that only software was found where there is a card", () => {
    const { problems } = describeGpus({ adapters: [{ ...llvmpipe, usable: false, reason: "software" }] }, nvidia);
    expect(problems[0]!.problem).toMatch(/has a GPU \(NVIDIA\) without a driver/);
  });

  it("which adapter cannot be used", () => {
    const { problems } = describeGpus({ adapters: [gpu({ usable: false, reason: "it gives no device" })] }, none);
    expect(problems).toMatchObject([{ problem: "Card 1 cannot be used: it gives no device" }]);
  });

  it("that Node is too old", () => {
    for (const version of ["18.20.0", "20.16.0", "21.7.0", "22.8.0"]) expect(nodeProblems(version)).toHaveLength(1);
    for (const version of ["20.17.0", "22.9.0", "23.0.0", "24.1.0"]) expect(nodeProblems(version)).toEqual([]);
  });
});

it("sees the signs of a GPU", () => {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  expect(gpuSigns(folder)).toEqual(none);
  if (process.platform === "linux") expect(hasGpuDevice(folder)).toBe(false);
  const card = (slot: string, vendor: string, kind: string) => {
    write(`sys/bus/pci/devices/${slot}/vendor`, `${vendor}\n`);
    write(`sys/bus/pci/devices/${slot}/class`, `${kind}\n`);
  };
  card("0000:00:01.0", "0x1234", "0x030000"); // a virtual machine's screen
  card("0000:00:02.0", "0x8086", "0x020000"); // a network card
  expect(gpuSigns(folder)).toEqual(none);
  card("0000:00:03.0", "0x10de", "0x030200");
  expect(gpuSigns(folder)).toEqual({ ...none, makers: ["NVIDIA"] });
  write("dev/dri/renderD128", "");
  expect(gpuSigns(folder)).toMatchObject({ devices: true });
  expect(hasGpuDevice(folder)).toBe(true);
});

describe("the command", () => {
  it("has the keys it had, and gpu", async () => {
    const { status, out, err } = await deadlift(["doctor", "--json"], "", { HF_HOME: folder });
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const machine = JSON.parse(out);
    const keys = "deadlift node platform arch cpu isa memory addon cache hub problems gpu";
    expect(Object.keys(machine).sort()).toEqual(keys.split(" ").sort());
    expect(Object.keys(machine.gpu)).toEqual("available reason adapters cpuBandwidthGbs error".split(" "));
  });

  const compiler = canCompile();
  // Only where there is a loader for it: `npm run test:gpu` has one.
  it.skipIf(!process.env.VK_DRIVER_FILES || !compiler)("survives a driver that crashes", async () => {
    const driver = join(folder, "crash.json");
    const library = join(folder, "crash.so");
    writeFileSync(
      join(folder, "crash.c"),
      "#include <stdlib.h>\n__attribute__((constructor)) void crash(void) { abort(); }\n",
    );
    execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(folder, "crash.c")]);
    writeFileSync(
      driver,
      JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: library, api_version: "1.3.0" } }),
    );
    const env = { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, HF_HOME: folder };
    const { status, out } = await deadlift(["doctor"], "", env);
    expect(status).toBe(0);
    expect(out).toMatch(/^gpu\tnone: the probe of the GPU ended with signal SIGABRT$/m);
    expect(out).toMatch(/^problem: the probe .*\nadvice: {2}update the GPU's driver/m);
  });
});

function canCompile(): boolean {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
