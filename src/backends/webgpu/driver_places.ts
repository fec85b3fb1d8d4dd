// Where GPU drivers are found: what a change of them changes, and the signs of a GPU whose driver is missing.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Folders of the Vulkan loader's own search (docs/LoaderDriverInterface.md of Vulkan-Loader), and what drivers give the system. */
export function driverPlaces(env: Environment = process.env): string[] {
  if (process.platform !== "linux") return []; // the system's version stands for its drivers
  const listed = [env.VK_DRIVER_FILES, env.VK_ICD_FILENAMES, env.VK_ADD_DRIVER_FILES].flatMap(split);
  const data = [
    ...split(env.XDG_CONFIG_DIRS || "/etc/xdg"),
    "/etc",
    ...split(env.XDG_DATA_DIRS || "/usr/local/share:/usr/share"),
    env.XDG_DATA_HOME || join(homedir(), ".local/share"),
  ];
  const libraries = [...split(env.LD_LIBRARY_PATH), ...libraryFolders()];
  return [
    ...listed,
    ...data.map((folder) => join(folder, "vulkan/icd.d")),
    ...libraries.map((folder) => join(folder, "libvulkan.so.1")),
    ...["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/sys/module/nvidia/version"],
  ];
}

/** What the machine has for a GPU, whether or not it can be used. */
export interface GpuSigns {
  /** Makers of graphics processors on the PCI bus, or known by their devices: "NVIDIA", "AMD", "Intel". */
  readonly makers: readonly string[];
  /** Whether the devices are here, too: a container may show the bus without them. */
  readonly devices: boolean;
  /** Windows' GPU, seen from its subsystem for Linux. */
  readonly wsl: boolean;
}

const makers: Readonly<Record<string, string>> = { "0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel" };
const displayClass = /^0x03/;

/** Whether this process could reach a GPU at all, as far as a glance tells: its devices are here. */
export function hasGpuDevice(root = "/"): boolean {
  if (process.platform !== "linux") return true;
  const known = ["nvidiactl", "dxg", "kgsl-3d0", "mali0"];
  return names(join(root, "dev/dri")).length > 0 || known.some((name) => existsSync(join(root, "dev", name)));
}

/** On Linux; elsewhere drivers come with the system. */
export function gpuSigns(root = "/"): GpuSigns {
  const at = (path: string) => join(root, path);
  const nvidia = existsSync(at("dev/nvidiactl"));
  const onBus = names(at("sys/bus/pci/devices")).flatMap((device) => {
    const read = (file: string) => text(at(`sys/bus/pci/devices/${device}/${file}`));
    const maker = makers[read("vendor")];
    return maker && displayClass.test(read("class")) ? [maker] : [];
  });
  return {
    makers: [...new Set(nvidia ? ["NVIDIA", ...onBus] : onBus)],
    devices: nvidia || names(at("dev/dri")).some((name) => name.startsWith("renderD")),
    wsl: existsSync(at("dev/dxg")),
  };
}

function split(list: string | undefined): string[] {
  return (list ?? "").split(delimiter).filter(Boolean);
}

function libraryFolders(): string[] {
  const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch as string];
  return [...(machine ? [`/usr/lib/${machine}-linux-gnu`] : []), "/usr/lib64", "/usr/lib", "/usr/local/lib"];
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
