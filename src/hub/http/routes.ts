// Over which connections a request goes: directly or through the proxy that the environment names; kept alive between requests.

import { isIP } from "node:net";
import { getProxyForUrl } from "proxy-from-env";
import type { Dispatcher } from "undici";
import { DeadliftError } from "../../error.js";
import { undici } from "./undici.js";

/** The most connections to one host; downloads share them out below this. */
const maxConnections = 64;
/** Proxies come from the environment, which a program may change; more than a few are a mistake. */
const maxProxies = 16;

export interface Route {
  readonly dispatcher: Dispatcher;
  /** Address of the proxy without its password, for messages. */
  readonly proxy: string | undefined;
}

let direct: Dispatcher | undefined;
const proxies = new Map<string, Route>();

/** Sockets of a route do not keep the process alive while they are idle. Throws InvalidArgument for a proxy that cannot be used. */
export async function routeFor(url: URL): Promise<Route> {
  const proxy = proxyFor(url);
  const { Agent } = await undici();
  if (proxy) return proxies.get(proxy) ?? (await proxyRoute(proxy));
  direct ??= new Agent({ connections: maxConnections });
  return { dispatcher: direct, proxy: undefined };
}

/** As curl and Python read NO_PROXY, a name in it also stands for the names below it. */
function proxyFor(url: URL): string {
  const proxy = getProxyForUrl(url.href);
  if (!proxy || isIP(url.hostname.replace(/^\[|\]$/g, ""))) return proxy;
  const labels = url.hostname.split(".");
  const port = url.port && `:${url.port}`;
  const parents = labels.slice(1).map((_, i) => `${url.protocol}//${labels.slice(i + 1).join(".")}${port}`);
  return parents.some((parent) => !getProxyForUrl(parent)) ? "" : proxy;
}

async function proxyRoute(address: string): Promise<Route> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    const shown = url ? `${url.protocol}//${url.host}` : "something else";
    throw new DeadliftError(
      "InvalidArgument",
      `expected the address of an http: or https: proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, received ${shown}`,
    );
  }
  const { ProxyAgent } = await undici();
  const name = decodeURIComponent(url.username);
  const secret = `${name}:${decodeURIComponent(url.password)}`;
  const dispatcher = new ProxyAgent({
    uri: url.origin,
    connections: maxConnections,
    // Plain http is passed on, not tunnelled: many proxies allow tunnels to port 443 only.
    proxyTunnel: false,
    ...(name && { token: `Basic ${Buffer.from(secret).toString("base64")}` }),
  });
  const route = { dispatcher, proxy: url.origin };
  if (proxies.size >= maxProxies) forgetOldest();
  proxies.set(address, route);
  return route;
}

function forgetOldest(): void {
  const [address, route] = proxies.entries().next().value!;
  proxies.delete(address);
  // Requests under way finish first.
  route.dispatcher.close().catch(() => {});
}
