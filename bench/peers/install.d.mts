// The types of install.mjs.

/** Rejects when npm cannot install it, or has no build for this machine. */
export function installLlama(): Promise<string>;
/** Rejects when npm cannot install it. */
export function installTransformers(): Promise<string>;
