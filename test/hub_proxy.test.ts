// Real proxies on loopback: which requests go through them, what they see, and what is said when they refuse.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { build } from "esbuild";
import { createProxy, type ProxyServer } from "proxy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { follow, send } from "../src/hub/http/http.js";
import { readText } from "../src/hub/http/rest.js";
import { retryAdvice } from "../src/hub/http/retry.js";
import { modelInfo } from "../src/hub/info.js";
import { hubSettings } from "../src/hub/settings.js";
import { startHub, type TestHub } from "./hub/server.js";

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/hub/${name}`, import.meta.url));
const tls = { key: readFileSync(fixture("tls.key"), "utf8"), cert: readFileSync(fixture("tls.crt"), "utf8") };
const variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
const noProxies = Object.fromEntries(variables.flatMap((name) => [name, name.toLowerCase()]).map((name) => [name, ""]));

interface Seen {
  method: string;
  url: string;
  headers: NodeJS.Dict<string | string[]>;
}

interface RunningProxy {
  url: string;
  host: string;
  seen: Seen[];
  close(): Promise<void>;
}

async function startProxy(authenticate?: ProxyServer["authenticate"]): Promise<RunningProxy> {
  const server = createServer();
  const seen: Seen[] = [];
  const note = ({
    method,
    url,
    headers,
  }: {
    method?: string | undefined;
    url?: string | undefined;
    headers: Seen["headers"];
  }) => void seen.push({ method: method!, url: url!, headers });
  const tunnels = new Set<{ destroy(): void }>();
  server.on("request", note);
  server.on("connect", (request, socket) => {
    note(request);
    tunnels.add(socket);
  });
  const proxy = createProxy(server);
  if (authenticate) proxy.authenticate = authenticate;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    seen,
    async close() {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

let hub: TestHub;
let proxy: RunningProxy;
const weights = "model.safetensors";
const fill = (one: TestHub) => one.repo("org/model").commit({ "a.txt": "x", [weights]: { seed: 1, size: 1_500_000 } });
beforeEach(async () => {
  for (const [name, value] of Object.entries(noProxies)) vi.stubEnv(name, value);
  hub = await startHub();
  fill(hub);
  proxy = await startProxy();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await proxy.close();
});

const settings = () => hubSettings({ endpoint: hub.endpoint, token: "hf_good" });
async function failure(promise: Promise<unknown>): Promise<Error & { code: string }> {
  return promise.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );
}

describe("plain http", () => {
  it("goes through HTTP_PROXY, to the Hub and to its CDN, the token to the Hub only", async () => {
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const reply = await follow({ url: `${hub.endpoint}/org/model/resolve/main/${weights}` }, settings());
    let bytes = 0;
    for await (const piece of reply.body) bytes += piece.length;
    expect(bytes).toBe(1_500_000);
    expect(proxy.seen.map(({ method, url }) => [method, new URL(url).origin])).toEqual([
      ["GET", hub.endpoint],
      ["GET", hub.cdn],
    ]);
    expect(proxy.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer hf_good", undefined]);
    expect(hub.requests.every(({ headers }) => headers.via !== undefined)).toBe(true);
  });

  it.each(["http_proxy", "ALL_PROXY", "all_proxy"])("goes through %s", async (name) => {
    vi.stubEnv(name, proxy.host);
    expect((await modelInfo("org/model", { endpoint: hub.endpoint, token: false })).id).toBe("org/model");
    expect(proxy.seen.length).toBe(2);
  });

  it("does not go through HTTPS_PROXY", async () => {
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    await modelInfo("org/model", { endpoint: hub.endpoint, token: false });
    expect(proxy.seen).toEqual([]);
  });

  const port = () => new URL(hub.endpoint).port;
  it.each([
    ["*", []],
    ["127.0.0.1", ["localhost"]],
    ["localhost", ["127.0.0.1"]],
    ["localhost, 127.0.0.1", []],
    ["127.0.0.1:PORT,localhost:1", ["localhost"]],
    ["ocalhost,27.0.0.1,example.com", ["127.0.0.1", "localhost"]],
  ] as const)("NO_PROXY=%s", async (noProxy, through) => {
    vi.stubEnv("HTTP_PROXY", proxy.url);
    vi.stubEnv("NO_PROXY", noProxy.replace("PORT", port()));
    const reply = await follow({ url: `${hub.endpoint}/org/model/resolve/main/${weights}` }, settings());
    await readText(reply, 10_000_000);
    expect(proxy.seen.map(({ url }) => new URL(url).hostname)).toEqual(through);
  });

  it("a name in NO_PROXY stands for those below it, a part of a name does not", async () => {
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
    const ways: [string, string, boolean][] = [
      ["localhost", "http://hub.localhost", true],
      [".localhost", "http://hub.localhost", true],
      ["*.localhost", "http://a.b.localhost", true],
      ["b.localhost", "http://a.b.localhost", true],
      ["b.localhost:1", "http://a.b.localhost", false],
      ["lhost", "http://hub.localhost", false],
      ["a.b.localhost", "http://b.localhost", false],
    ];
    for (const [noProxy, host, direct] of ways) {
      vi.stubEnv("NO_PROXY", noProxy);
      const url = `${host}:${port()}`;
      const error = await failure(send({ url, timeoutMs: 5000 }, hubSettings({ endpoint: url, token: false }))).catch(
        () => undefined,
      );
      expect([noProxy, host, /127\.0\.0\.1:1\b/.test(error?.message ?? "")]).toEqual([noProxy, host, !direct]);
    }
  });
});

describe("a proxy that wants a password", () => {
  let guarded: RunningProxy;
  const wanted = `Basic ${Buffer.from("me:p@ss:w").toString("base64")}`;
  beforeEach(async () => {
    guarded = await startProxy((request) => request.headers["proxy-authorization"] === wanted);
  });
  afterEach(() => guarded.close());

  it("gets it from its address, and the Hub does not see it", async () => {
    vi.stubEnv("HTTP_PROXY", `http://me:p%40ss%3Aw@${guarded.host}`);
    await modelInfo("org/model", { endpoint: hub.endpoint, token: "hf_good" });
    expect(guarded.seen.length).toBe(2);
    for (const { headers } of hub.requests) expect(headers).not.toHaveProperty("proxy-authorization");
  });

  it("answers 407 without it: said once, without the wrong one", async () => {
    for (const user of ["", "me:s3cret@", "me@"]) {
      vi.stubEnv("HTTP_PROXY", `http://${user}${guarded.host}`);
      const error = await failure(modelInfo("org/model", { endpoint: hub.endpoint, token: "hf_good" }));
      expect(error.code).toBe("Unreachable");
      expect(error.message).toContain(`through the proxy ${guarded.url}`);
      expect(error.message).toMatch(/name and password \(407\)/);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/s3cret|hf_good/);
    }
    // Three times two requests at most: none was tried again.
    expect(guarded.seen.length).toBeLessThanOrEqual(6);
  });
});

describe("a proxy that is none", () => {
  it("nobody listens there: named, and worth another try", async () => {
    const gone = await startProxy();
    await gone.close();
    vi.stubEnv("HTTP_PROXY", `http://me:s3cret@${gone.host}`);
    const error = await failure(send({ url: hub.endpoint }, settings()));
    expect(error.code).toBe("Unreachable");
    expect(error.message).toContain(`through the proxy ${gone.url}`);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/s3cret|hf_good/);
    expect(retryAdvice(error)).toBeDefined();
  });

  it("of a kind that is not spoken, or no address", async () => {
    for (const address of ["socks5://127.0.0.1:1080", "http://me:s3cret@:1", "http://[::1"]) {
      vi.stubEnv("HTTP_PROXY", address);
      const error = await failure(send({ url: hub.endpoint }, settings()));
      expect(error.code).toBe("InvalidArgument");
      expect(error.message).toContain("HTTP_PROXY");
      expect(error.message).not.toContain("s3cret");
    }
  });
});

describe("https", () => {
  const folder = mkdtempSync(join(tmpdir(), "deadlift-proxy-"));
  const program = join(folder, "dist/ask.cjs");
  let secure: TestHub;

  beforeAll(async () => {
    mkdirSync(join(folder, "dist"));
    // The program looks for its version one folder up, as the package does.
    writeFileSync(join(folder, "package.json"), '{"name":"deadlift","version":"0.0.0"}');
    await build({
      entryPoints: [fileURLToPath(new URL("hub/ask.ts", import.meta.url))],
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile: program,
      logLevel: "error",
      define: { "import.meta.url": "__importMetaUrl" },
      banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    });
    secure = await startHub({ tls });
    fill(secure);
  });
  afterAll(async () => {
    await secure.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(args: string[], env: Record<string, string> = {}) {
    const base = { ...process.env, ...noProxies, HF_ENDPOINT: secure.endpoint, HF_TOKEN: "hf_good", HF_HOME: folder };
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...base, NODE_EXTRA_CA_CERTS: fixture("tls.crt"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    const [status] = await once(child, "close");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    return JSON.parse(out);
  }
  const file = () => `${secure.endpoint}/org/model/resolve/main/${weights}`;

  it("goes directly without a proxy, and idle connections let the process end", async () => {
    const answer = await ask(["get", file()]);
    expect(answer).toMatchObject({ status: 200, bytes: 1_500_000 });
    expect(new URL(answer.url).origin).toBe(secure.cdn);
  });

  it("goes through HTTPS_PROXY in tunnels: the proxy sees hosts only", async () => {
    const answer = await ask(["get", file()], { HTTPS_PROXY: proxy.url });
    expect(answer).toMatchObject({ status: 200, bytes: 1_500_000 });
    expect(proxy.seen.map(({ method, url }) => [method, url])).toEqual([
      ["CONNECT", new URL(secure.endpoint).host],
      ["CONNECT", new URL(secure.cdn).host],
    ]);
    expect(JSON.stringify(proxy.seen)).not.toContain("hf_good");
    const info = await ask(["info", "org/model"], { HTTPS_PROXY: proxy.url });
    expect(info).toMatchObject({ id: "org/model", access: "open" });
  });

  it("does not go through HTTP_PROXY, and respects NO_PROXY", async () => {
    await ask(["get", file()], { HTTP_PROXY: proxy.url });
    await ask(["get", file()], { HTTPS_PROXY: proxy.url, NO_PROXY: "127.0.0.1,localhost" });
    expect(proxy.seen).toEqual([]);
  });

  it("a proxy that wants a password, or is gone, is named", async () => {
    const guarded = await startProxy(() => false);
    const env = { HTTPS_PROXY: `http://me:s3cret@${guarded.host}` };
    const refused = await ask(["get", file()], env);
    expect(refused.code).toBe("Unreachable");
    expect(refused.message).toContain(`through the proxy ${guarded.url}: the proxy wants a name and password (407)`);
    await guarded.close();
    const gone = await ask(["get", file()], env);
    expect(gone.code).toBe("Unreachable");
    expect(gone.message).toContain(`through the proxy ${guarded.url}: it refuses connections`);
    expect(refused.message + gone.message).not.toMatch(/s3cret|hf_good/);
  });

  it("a certificate that nobody vouches for is named, with what to do", async () => {
    const answer = await ask(["info", "org/model"], { NODE_EXTRA_CA_CERTS: "" });
    expect(answer.code).toBe("Unreachable");
    expect(answer.message).toMatch(/certificate does not hold \([A-Z_]+\).*NODE_EXTRA_CA_CERTS/);
  });

  it("is never left for http", async () => {
    const plain = `${hub.endpoint}/org/model/resolve/main/a.txt`;
    const restore = secure.when({}, { status: 302, headers: { Location: plain } });
    const answer = await ask(["get", file()]);
    restore();
    expect(answer.code).toBe("HubFailed");
    expect(answer.message).toContain("from https: to http:");
    expect(hub.requests).toEqual([]);
  });
});
