// Types of the package proxy-from-env, which has none.

declare module "proxy-from-env" {
  /** Address of the proxy for `url` by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; "" for none. */
  export function getProxyForUrl(url: string): string;
}
