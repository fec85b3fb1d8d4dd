// Loads undici when the first request is made: programs that stay offline do not pay for it.

const load = () => import("undici");
let loading: ReturnType<typeof load> | undefined;

export function undici(): ReturnType<typeof load> {
  loading ??= load();
  return loading;
}
