// What was removed from the cache and of quantised copies, as one answer.

import type { CacheRemoval, QuantizedRemoval } from "../index.js";

/** One line of a removal; `kind` is "copy" for a quantised copy, else what the cache calls it. */
export interface RemovedLine {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

export type Removal = Omit<CacheRemoval, "removed"> & { readonly removed: readonly RemovedLine[] };

/** Removes from the cache, then copies: those whose originals just went count as well. */
export async function together(
  fromCache: (() => Promise<CacheRemoval>) | undefined,
  copies: (() => Promise<QuantizedRemoval>) | undefined,
): Promise<Removal> {
  const first = await fromCache?.();
  const second = await copies?.();
  const copied = second?.removed.map((one) => ({ kind: "copy", ...one })) ?? [];
  return {
    removed: [...(first?.removed ?? []), ...copied],
    kept: [...(first?.kept ?? []), ...(second?.kept ?? [])],
    freedBytes: (first?.freedBytes ?? 0) + (second?.freedBytes ?? 0),
    dryRun: (first ?? second)?.dryRun ?? false,
  };
}
