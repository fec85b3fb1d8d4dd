// The direct connections of a download, kept for the next range, and the buffers that they share.

import { type ConnectionOwner, type DirectAnswer, type DirectAsk, DirectConnection } from "./direct_connection.js";

/** Fits into the processor's cache, and is written at once. */
const bufferBytes = 2 ** 19;

export class DirectPool implements ConnectionOwner {
  readonly #open = new Set<DirectConnection>();
  readonly #idle = new Set<DirectConnection>();
  readonly #buffers: Buffer[] = [];

  /** Throws Unreachable, Aborted. */
  async ask(ask: DirectAsk): Promise<DirectAnswer> {
    for (const connection of this.#idle) {
      if (connection.origin !== ask.url.origin) continue;
      this.#idle.delete(connection);
      try {
        return await connection.request(ask);
      } catch (error) {
        // The other side may have closed it just before it was asked again.
        if (ask.signal.aborted) throw error;
        break;
      }
    }
    const connection = new DirectConnection(ask.url, this);
    this.#open.add(connection);
    return connection.request(ask);
  }

  onIdle(connection: DirectConnection): void {
    this.#idle.add(connection);
  }

  onClosed(connection: DirectConnection): void {
    this.#idle.delete(connection);
    this.#open.delete(connection);
  }

  take(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  }

  give(buffer: Buffer): void {
    this.#buffers.push(buffer);
  }

  close(): void {
    for (const connection of this.#open) connection.destroy();
  }
}
