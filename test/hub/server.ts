// A Hugging Face Hub and its CDN on loopback, as the tests talk to them: two servers under two host names.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Access } from "./access.js";
import { answerError, answeredByFault, type Exchange } from "./answer.js";
import { Cdn } from "./cdn.js";
import type { HubOptions, RequestRecord, TestHub } from "./contract.js";
import { badRequest, HubError } from "./errors.js";
import { FaultRules, matches } from "./faults.js";
import { Repositories } from "./repos.js";
import { FileRoutes } from "./resolve.js";
import { type Rooms, serveHub } from "./routes.js";
import { SignedUrls } from "./signed_urls.js";

export { hashContent, readContent } from "./content.js";
export type * from "./contract.js";

type Serve = (exchange: Exchange) => Promise<void>;

/** Most bytes of a request's body that are kept; nothing the tests post is bigger. */
const bodyLimit = 16 << 20;

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw badRequest("Body too large");
    chunks.push(chunk);
  }
  return size > 0 ? Buffer.concat(chunks).toString() : undefined;
}

function recordOf(host: "hub" | "cdn", request: IncomingMessage): RequestRecord {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  return { host, method: request.method!, url: request.url!, headers, status: 0, sent: 0, closedEarly: false };
}

class Host {
  readonly server: Server;
  private requestNumber = 0;

  constructor(
    private readonly name: "hub" | "cdn",
    private readonly rules: FaultRules,
    private readonly requests: RequestRecord[],
    private readonly serve: Serve,
    private readonly tls: { key: string; cert: string } | undefined,
  ) {
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.handle(request, response);
    this.server = tls ? createTlsServer(tls, listener) : createServer(listener);
    // Clients that keep connections must not lose them between two steps of a slow test.
    this.server.keepAliveTimeout = 120_000;
    this.server.requestTimeout = 0;
  }

  async listen(port: number): Promise<string> {
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
    const { port: bound } = this.server.address() as AddressInfo;
    return `${this.tls ? "https" : "http"}://${this.name === "hub" ? "127.0.0.1" : "localhost"}:${bound}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = recordOf(this.name, request);
    this.requests.push(record);
    const gone = new AbortController();
    response.on("close", () => {
      record.closedEarly = !response.writableFinished;
      gone.abort();
    });
    response.on("error", () => gone.abort());
    const id = `Root=1-${this.name}-${++this.requestNumber}`;
    if (this.name === "hub") response.setHeader("X-Request-Id", request.headers["x-request-id"] ?? id);
    const faults = this.rules.take({ host: this.name, method: record.method, url: record.url });
    try {
      const url = new URL(record.url, "http://hub");
      const exchange: Exchange = { request, response, record, faults, url, gone: gone.signal };
      await this.route(exchange);
    } catch (error) {
      // A test must see the server's own mistakes, not wait for an answer.
      console.error(`the tests' Hub failed at ${record.method} ${record.url}:`, error);
      request.socket.destroy();
    }
  }

  private async route(exchange: Exchange): Promise<void> {
    const body = await readBody(exchange.request).catch((error: unknown) => {
      if (exchange.gone.aborted) return undefined;
      throw error;
    });
    if (body !== undefined) exchange.record.body = body;
    if (await answeredByFault(exchange)) return;
    try {
      await this.serve(exchange);
    } catch (error) {
      if (!(error instanceof HubError) || exchange.response.headersSent) throw error;
      await answerError(exchange, error);
    }
  }
}

/** Starts a Hub and its CDN on loopback. Close it in the end: it keeps the process alive. */
export async function startHub(options: HubOptions = {}): Promise<TestHub> {
  const requests: RequestRecord[] = [];
  const rules = new FaultRules();
  const urls = new SignedUrls(options.signedUrlSeconds ?? 3600);
  const repositories = new Repositories();
  const access = new Access(repositories);
  const cdn = new Cdn(urls);
  const rooms: Rooms = {
    repositories,
    access,
    files: new FileRoutes(access, cdn),
    paging: { size: options.pageSize ?? 50, endpoint: "" },
  };
  const hub = new Host("hub", rules, requests, (exchange) => serveHub(exchange, rooms), options.tls);
  const far = new Host("cdn", rules, requests, (exchange) => cdn.serve(exchange), options.tls);
  const endpoint = await hub.listen(options.port ?? 0);
  cdn.origin = await far.listen(options.cdnPort ?? 0);
  access.endpoint = endpoint;
  rooms.paging.endpoint = endpoint;
  return {
    endpoint,
    cdn: cdn.origin,
    requests,
    tokens: access.tokens,
    bytesSent: (match = {}) => requests.filter((record) => matches(match, record)).reduce((sum, r) => sum + r.sent, 0),
    repo: (id, repoOptions = {}) => repositories.create(id, repoOptions),
    when: (match, fault) => rules.add(match, fault),
    expireSignedUrls: () => urls.callBack(),
    async close() {
      await Promise.all([hub.close(), far.close()]);
    },
  };
}
