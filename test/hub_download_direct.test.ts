// Direct connections to the CDN: heads in every shape, bodies in place, connections kept and dropped, with TLS and without.

import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseHead, plainLength } from "../src/hub/download/direct_head.js";
import { DirectPool } from "../src/hub/download/direct_pool.js";
import { type Received, receive } from "../src/hub/download/receive.js";
import { certificate } from "./hub/certificate.js";
import { failureOf, mib } from "./hub/download_case.js";

class CountingPool extends DirectPool {
  made = 0;
  out = 0;
  override take(): Buffer {
    this.out++;
    this.made = Math.max(this.made, this.out);
    return super.take();
  }
  override give(buffer: Buffer): void {
    this.out--;
    super.give(buffer);
  }
}

let servers: Server[] = [];
let sockets = new Set<Socket>();
let pool = new CountingPool();
afterEach(() => {
  pool.close();
  pool = new CountingPool();
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  servers = [];
  sockets = new Set();
  vi.unstubAllEnvs();
});

type Answer = (socket: Socket, request: string) => void;

/** Answers each request in turn, the last answer again and again; counts connections and keeps what was asked. */
async function serve(answers: Answer[], tls?: { key: string; cert: string }) {
  const state = { connections: 0, requests: [] as string[], url: new URL("http://localhost") };
  const listener = (socket: Socket) => {
    state.connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (data: Buffer) => {
      text += data.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const request = text.slice(0, end);
        text = text.slice(end + 4);
        state.requests.push(request);
        answers[Math.min(state.requests.length, answers.length) - 1]!(socket, request);
      }
    });
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  state.url = new URL(`${tls ? "https" : "http"}://localhost:${port}/a%20b?Signature=x~y`);
  return state;
}

const body = Buffer.from(Array.from({ length: 5 * mib }, (_, i) => (i * 31) ^ (i >> 8)));

function partOf(request: string): [number, number] {
  const [, first, last] = /\nrange: bytes=(\d+)-(\d+)/.exec(request)!;
  return [Number(first), Number(last) + 1];
}

function head(request: string, more = "", version = "1.1"): string {
  const [start, end] = partOf(request);
  const range = `Content-Range: bytes ${start}-${end - 1}/${body.length}`;
  return `HTTP/${version} 206 Partial Content\r\n${range}\r\nContent-Length: ${end - start}\r\n${more}\r\n`;
}

const whole: Answer = (socket, request) => {
  socket.write(head(request));
  socket.write(body.subarray(...partOf(request)));
};

function ask(url: URL, start = 0, end = body.length, changes = {}) {
  const { signal } = new AbortController();
  return pool.ask({ url, range: { start, end }, userAgent: "test/1", timeoutMs: 5000, signal, ...changes });
}

/** What arrives of a range, written slowly. */
async function bytesOf(url: URL, start = 0, end = body.length): Promise<{ bytes: Buffer; received: Received }> {
  const answer = await ask(url, start, end);
  const bytes = Buffer.alloc(end - start);
  const write = async (buffers: Buffer[], position: number) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    Buffer.concat(buffers).copy(bytes, position - start);
  };
  const { signal } = new AbortController();
  const quiet = { onWritten: () => {}, onReceived: () => {}, stallMs: 5000, signal };
  return { bytes, received: await receive(answer.body!, { start, end, write, ...quiet }) };
}

describe("bodies", () => {
  it.each<[string, Answer]>([
    ["after the head", whole],
    [
      "in one packet with the head",
      (socket, request) => socket.write(Buffer.concat([Buffer.from(head(request)), body.subarray(...partOf(request))])),
    ],
    [
      "after a head in single bytes",
      async (socket, request) => {
        socket.setNoDelay(true);
        for (const byte of head(request)) {
          socket.write(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
        socket.write(body.subarray(...partOf(request)));
      },
    ],
    [
      "in small pieces",
      async (socket, request) => {
        socket.write(head(request));
        const part = body.subarray(...partOf(request));
        for (let at = 0; at < part.length; at += 50_000) {
          socket.write(part.subarray(at, at + 50_000));
          if (at % 150_000 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      },
    ],
  ])("%s arrive byte for byte, on one connection, in few buffers", async (_, answer) => {
    const server = await serve([answer]);
    for (const [start, end] of [
      [0, body.length],
      [1_234_567, 3 * mib],
      [7, 8],
    ] as const) {
      const { bytes, received } = await bytesOf(server.url, start, end);
      expect(received).toEqual({ at: end, how: "ended" });
      expect(bytes.equals(body.subarray(start, end))).toBe(true);
    }
    expect(server.connections).toBe(1);
    expect(pool.made).toBeLessThanOrEqual(5);
    expect(pool.out).toBe(0);
  });

  it("ask for what is wanted, and never say who asks", async () => {
    const server = await serve([whole]);
    await bytesOf(server.url, 5, 10);
    const lines = server.requests[0]!.split("\r\n");
    expect(lines[0]).toBe("GET /a%20b?Signature=x~y HTTP/1.1");
    expect(lines).toContain(`host: ${server.url.host}`);
    expect(lines).toContain("range: bytes=5-9");
    expect(lines).toContain("accept-encoding: identity");
    expect(server.requests[0]).not.toMatch(/authorization|cookie/i);
  });

  it("that break are told with what came", async () => {
    const server = await serve([
      (socket, request) => {
        socket.write(head(request));
        socket.end(body.subarray(0, 700_000));
      },
    ]);
    const { bytes, received } = await bytesOf(server.url);
    expect(received).toMatchObject({ at: 700_000, how: "cut", cause: { code: "Unreachable" } });
    expect(bytes.subarray(0, 700_000).equals(body.subarray(0, 700_000))).toBe(true);
  });

  it("that break before anybody reads them are told, too", async () => {
    const server = await serve([
      (socket, request) => {
        socket.write(`${head(request)}some`);
        socket.destroySoon();
      },
    ]);
    const { body: broken } = await ask(server.url);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const pieces: string[] = [];
    await new Promise<void>((resolve) => {
      broken!.start({ onPiece: (piece) => pieces.push(piece.toString()), onEnd: () => {}, onBroken: () => resolve() });
    });
    expect(pieces).toEqual(["some"]);
  });
});

describe("connections", () => {
  it.each<[string, Answer]>([
    ["says that it closes", (socket, request) => socket.write(`${head(request, "Connection: close\r\n")}0123456789`)],
    ["speaks HTTP/1.0", (socket, request) => socket.write(`${head(request, "", "1.0")}0123456789`)],
    ["sends more than it announced", (socket, request) => socket.write(`${head(request)}0123456789more`)],
    [
      "sends more a little later",
      (socket, request) => {
        socket.write(`${head(request)}0123456789`);
        setTimeout(() => socket.write("more"), 10);
      },
    ],
    [
      "closes after a while",
      (socket, request) => {
        socket.write(`${head(request)}0123456789`);
        setTimeout(() => socket.end(), 10);
      },
    ],
    [
      "closes when it is asked again",
      (socket, request) => {
        if (socket.bytesWritten > 0) socket.destroy();
        else socket.write(`${head(request)}0123456789`);
      },
    ],
  ])("are not used again when the server %s", async (_, answer) => {
    const server = await serve([answer]);
    for (let i = 1; i <= 3; i++) {
      const { body } = await ask(server.url, 0, 10);
      if (body) {
        let text = "";
        await new Promise<void>((resolve, reject) => {
          body.start({ onPiece: (piece) => (text += piece), onEnd: resolve, onBroken: reject });
        });
        expect(text).toBe("0123456789");
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(server.connections).toBe(i);
    }
  });

  it("give back answers without a body that can be read, by their heads", async () => {
    const answers: [string, number][] = [
      ["HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope", 403],
      ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 200],
      ["HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-3/4\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 206],
      ["HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302],
      ["HTTP/1.1 429 \r\nretry-after: 5\r\n\r\n", 429],
    ];
    const server = await serve(
      answers.map(
        ([text]) =>
          (socket) =>
            socket.write(text),
      ),
    );
    for (const [, status] of answers) {
      expect(await ask(server.url)).toMatchObject({ status, body: undefined });
    }
    expect(server.connections).toBe(answers.length);
  });

  it.each([
    "HTTP/2 200 OK\r\n\r\n",
    "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 206 OK\r\n folded: x\r\n\r\n",
    "HTTP/1.1 206 OK\r\nno colon\r\n\r\n",
    `HTTP/1.1 206 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
  ])("end with an error when %j comes", async (text) => {
    const server = await serve([(socket) => socket.write(text)]);
    const failure = await failureOf(ask(server.url));
    expect(failure.code).toBe("Unreachable");
    expect(failure.message).toContain("no answer of HTTP/1.1");
  });

  it("end when nobody answers, when nobody is there, and when they are aborted", async () => {
    const silent = await serve([() => {}]);
    expect((await failureOf(ask(silent.url, 0, 10, { timeoutMs: 50 }))).message).toContain("within 0.05 s");
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect((await failureOf(ask(silent.url, 0, 10, { signal: controller.signal }))).code).toBe("Aborted");
    expect((await failureOf(ask(silent.url, 0, 10, { signal: controller.signal }))).code).toBe("Aborted");
    const gone = new URL(silent.url);
    servers[0]!.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await failureOf(ask(gone))).code).toBe("Unreachable");
  });

  it("speak TLS, with servers whose certificates hold", async () => {
    const server = await serve([whole], certificate);
    const failure = await failureOf(ask(server.url));
    expect(failure.code).toBe("Unreachable");
    expect(failure.message).toContain("certificate");
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    for (const [start, end] of [
      [0, body.length],
      [100, 2 * mib],
    ] as const) {
      const { bytes, received } = await bytesOf(server.url, start, end);
      expect(received).toEqual({ at: end, how: "ended" });
      expect(bytes.equals(body.subarray(start, end))).toBe(true);
    }
    expect(server.requests).toHaveLength(2);
    expect(server.connections).toBe(1);
  });
});

describe("heads", () => {
  it("are read whatever the case of their names, and joined where one comes twice", () => {
    const text = "HTTP/1.1 206 Partial Content\r\nCONTENT-length:  12 \r\nVia: a\r\nvia: b\r\n__proto__: x\r\nEmpty:";
    const parsed = parseHead(text)!;
    expect(parsed).toMatchObject({ status: 206, keepAlive: true });
    expect({ ...parsed.headers }).toMatchObject({ "content-length": "12", via: "a, b", empty: "" });
    expect(plainLength(parsed)).toBe(12);
  });

  it.each(["-1", "1e3", "", "12, 12", "0x10", "9999999999999999"])("with a length of %j have none", (length) => {
    expect(plainLength(parseHead(`HTTP/1.1 206 OK\r\nContent-Length: ${length}`)!)).toBeUndefined();
  });
});
