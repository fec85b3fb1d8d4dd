// Parts of a file of the Hub: the right bytes with few requests, whatever the server does, or one clear error.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RemoteFile, type RemoteFileOptions } from "../src/hub/remote_file.js";
import { hubSettings } from "../src/hub/settings.js";
import { type Fault, readContent, startHub, type TestHub, type TestRepo } from "./hub/server.js";

let hub: TestHub;
let repo: TestRepo;
beforeEach(async () => {
  hub = await startHub();
  repo = hub.repo("org/model");
  repo.commit({ "model.safetensors": weights, "sub dir/config.json": text, "empty.txt": "" });
});
afterEach(() => hub.close());

const weights = { seed: 7, size: 3_000_001 };
const text = JSON.stringify(Array.from({ length: 5000 }, (_, i) => i));
const cdn = { host: "cdn" } as const;

const settings = (token: string | false = false) =>
  hubSettings({ endpoint: hub.endpoint, token, cacheDir: "/nowhere" }, {});
const open = (changes: Partial<RemoteFileOptions> = {}) =>
  new RemoteFile({
    repo: repo.id,
    commit: repo.head(),
    path: "model.safetensors",
    size: weights.size,
    settings: settings(),
    retry: { sleep: async () => {} },
    ...changes,
  });
const openText = (changes: Partial<RemoteFileOptions> = {}) =>
  open({ path: "sub dir/config.json", size: text.length, ...changes });

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

async function expectRight(file: RemoteFile, offset: number, length: number): Promise<void> {
  const bytes = await file.read(offset, length);
  expect(bytes.length).toBe(length);
  expect(Buffer.compare(bytes, await readContent(weights, offset, offset + length))).toBe(0);
}

const requests = (host: "hub" | "cdn") => hub.requests.filter((record) => record.host === host).length;

describe("reading", () => {
  it("gives the bytes asked for, resolves the address once, and asks for no byte twice", async () => {
    const file = open({ firstBytes: 10_000 });
    await expectRight(file, 0, 8);
    await expectRight(file, 8, 9000);
    expect([requests("hub"), requests("cdn")]).toEqual([1, 1]);
    await expectRight(file, 9008, 20_000);
    await expectRight(file, 100, 29_000);
    expect([requests("hub"), requests("cdn")]).toEqual([1, 2]);
    expect(file.traffic).toEqual({ requests: 3, bytes: hub.bytesSent(cdn) });
    expect(file.bytesRead).toBeLessThan(9008 + 20_000 + 2 * 4096);
    await expectRight(file, weights.size - 3, 3);
    await expectRight(file, 500_000, 2_000_000);
    await expectRight(file, 12, 30);
    expect(await file.read(7, 0)).toEqual(new Uint8Array());
  });

  it("asks only for what comes after the bytes it has", async () => {
    const file = open();
    for (let at = 0; at < 200_000; at += 9999) await expectRight(file, at, 9999);
    expect(file.bytesRead).toBeLessThan(210_000 + 4096);
    expect(hub.bytesSent(cdn)).toBe(file.bytesRead);
  });

  it("follows a small file to where it is, with the token, and never shows the token to the CDN", async () => {
    repo.options.private = true;
    const token = "hf_good";
    const file = openText({ settings: settings(token) });
    expect(Buffer.from(await file.read(0, text.length)).toString()).toBe(text);
    expect(hub.requests.map(({ status }) => status)).toEqual([307, 206]);
    await expectRight(open({ settings: settings(token) }), 5, 5);
    const shown = hub.requests.filter(({ headers }) => headers.authorization !== undefined);
    expect(shown.map(({ host }) => host)).toEqual(["hub", "hub", "hub"]);
  });

  it("needs one request for a raw text, and none for nothing", async () => {
    const file = openText({ route: "raw" });
    expect(Buffer.from(await file.read(0, 20)).toString()).toBe(text.slice(0, 20));
    expect(file.traffic.requests).toBe(1);
    expect(await open({ path: "empty.txt", size: 0 }).read(0, 0)).toEqual(new Uint8Array());
    expect(hub.requests.length).toBe(1);
  });

  it("counts for several files together", async () => {
    const traffic = { requests: 1, bytes: 100 };
    await expectRight(open({ traffic }), 0, 10);
    await openText({ traffic }).read(0, 10);
    expect(traffic).toEqual({ requests: 5, bytes: 100 + 2 * 4096 });
  });

  it("beyond the end, or of what is no number, is refused before any request", async () => {
    const file = open();
    for (const [offset, length] of [
      [weights.size, 1],
      [0, weights.size + 1],
      [-1, 2],
      [0.5, 2],
      [0, Number.NaN],
    ] as const) {
      await expect(file.read(offset, length)).rejects.toThrow(refusal("InvalidArgument", /expected/));
    }
    expect(hub.requests).toEqual([]);
  });
});

describe("a server that misbehaves", () => {
  it.each<[string, Fault]>([
    ["cuts the connection", { cutAfter: 30_000 }],
    ["ends before the first byte", { cutAfter: 0 }],
    ["resets the connection", { reset: true }],
    ["is busy", { status: 503 }],
    ["is busier", { status: 429, headers: { "Retry-After": "0" } }],
    ["no longer knows the signature", { status: 403, body: "<Error>expired</Error>" }],
  ])("twice: it %s, and the bytes are right", async (_, fault) => {
    hub.when({ ...cdn, times: 2 }, fault);
    await expectRight(open(), 1000, 100_000);
  });

  it("goes on where a connection was cut, without asking again for what came", async () => {
    hub.when({ ...cdn, times: 3 }, { cutAfter: 50_000 });
    const file = open();
    await expectRight(file, 0, 190_000);
    expect(file.bytesRead).toBeLessThan(190_000 + 4096);
    expect(file.traffic.requests).toBe(1 + 4);
  });

  it("forgets an address that has expired, and finds it again once", async () => {
    const file = open();
    await expectRight(file, 0, 100);
    hub.expireSignedUrls();
    await expectRight(file, 1_000_000, 100);
    expect([requests("hub"), requests("cdn")]).toEqual([2, 3]);
  });

  it("sends everything where a part was asked for: what is needed is read, then the connection closed", async () => {
    hub.when(cdn, { ignoreRange: true, rate: 4_000_000 });
    await expectRight(open(), 100_000, 50_000);
    expect(hub.bytesSent(cdn)).toBeLessThan(2_500_000);
  });

  it("zips what was not to be zipped", async () => {
    hub.when({ host: "hub", path: "resolve-cache" }, { gzip: true });
    expect(Buffer.from(await openText().read(0, text.length)).toString()).toBe(text);
    expect(Buffer.from(await openText().read(5000, 100)).toString()).toBe(text.slice(5000, 5100));
  });

  it.each<[string, Fault, RegExp]>([
    ["sends another part", { wrongRange: true }, /asked for bytes 0-\d+\/3000001, it sent "bytes/],
    ["has no such part", { status: 416, headers: { "Content-Range": "bytes */5" } }, /status 416, "bytes \*\/5"/],
    ["sends fewer bytes than it says", { short: 100 }, /it sent \d+ bytes as "bytes 0-/],
    ["sends another encoding", { setHeaders: { "Content-Encoding": "br" } }, /as br/],
    [
      "calls it zipped",
      { ignoreRange: true, setHeaders: { "Content-Encoding": "gzip", "Content-Length": null } },
      /gzip is none/,
    ],
  ])("%s: an error that says so", async (_, fault, message) => {
    hub.when(cdn, fault);
    await expect(open().read(0, 100)).rejects.toThrow(refusal("HubFailed", message));
  });

  it("never comes to an end: it gives up after six tries", async () => {
    hub.when(cdn, { cutAfter: 0 });
    const file = open();
    await expect(file.read(0, 100)).rejects.toThrow(refusal("Unreachable", /localhost/));
    expect(requests("cdn")).toBe(6);
  });

  it("refuses addresses that the Hub just gave: that is not the Hub's word on access", async () => {
    hub.when(cdn, { status: 403 });
    const failure = open({ retry: { retries: 1, sleep: async () => {} } }).read(0, 100);
    await expect(failure).rejects.toThrow(refusal("HubFailed", /localhost:\d+ refuses model\.safetensors .*403/));
  });
});

describe("what the Hub says", () => {
  it("about access and files", async () => {
    const wrong = open({ path: "nothing.safetensors" }).read(0, 10);
    await expect(wrong).rejects.toThrow(refusal("EntryNotFound", /nothing\.safetensors/));
    repo.options.gated = "manual";
    await expect(open().read(0, 10)).rejects.toThrow(refusal("Gated", /accept its terms at http.*org\/model/));
    repo.options.private = true;
    await expect(open().read(0, 10)).rejects.toThrow(refusal("RepoNotFound", /org\/model/));
  });

  it("is not asked offline, or after an abort", async () => {
    const offline = hubSettings({ endpoint: hub.endpoint, offline: true }, {});
    await expect(open({ settings: offline }).read(0, 1)).rejects.toThrow(refusal("Offline", /offline/));
    await expect(open({ signal: AbortSignal.abort() }).read(0, 1)).rejects.toThrow(refusal("Aborted", /abort/));
    expect(hub.requests).toEqual([]);
    hub.when(cdn, { stallAfter: 10 });
    const controller = new AbortController();
    const reading = open({ signal: controller.signal }).read(0, 1000);
    setTimeout(() => controller.abort(), 50);
    await expect(reading).rejects.toThrow(refusal("Aborted", /abort/));
  });
});
