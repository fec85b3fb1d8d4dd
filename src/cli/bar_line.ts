// One progress bar as a line of text: name, bar, percent, bytes, speed and time left, as far as the terminal has room.

import { bytes, bytesOf, clock, errorColors } from "./output.js";
import { cells, cutEnd, cutMiddle, padEnd } from "./width.js";

export interface BarFacts {
  readonly name: string;
  /** Follows the name, and is never cut. */
  readonly count?: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  /** In place of speed and time: "checking". */
  readonly remark?: string | undefined;
}

/** Cells of each column; 0 leaves one out. */
export interface BarLayout {
  readonly name: number;
  readonly bar: number;
  readonly amount: number;
  readonly speed: number;
  readonly eta: number;
}

const GAP = 2;
const PERCENT = 4;
const MAX_BAR = 40;
const MIN_BAR = 8;
const MIN_NAME = 12;

/** Shares a line between its columns; where it is narrow, first the time left, then the speed, then the bytes go. */
export function barLayout(width: number, longestName: number): BarLayout {
  const columns = { amount: "4.97/14.9 GB".length, speed: "1.46 MB/s".length, eta: "1:02:33".length };
  const room = () => {
    const taken = Object.values(columns).filter((cells) => cells > 0);
    return width - taken.reduce((sum, cells) => sum + GAP + cells, GAP + PERCENT);
  };
  const least = Math.min(longestName, MIN_NAME) + GAP + MIN_BAR;
  for (const column of ["eta", "speed", "amount"] as const) if (room() < least) columns[column] = 0;
  if (room() < least) return { ...columns, name: Math.max(1, room()), bar: 0 };
  const name = Math.min(longestName, Math.max(MIN_NAME, Math.floor(room() * 0.7)));
  return { ...columns, name, bar: Math.min(MAX_BAR, room() - GAP - name) };
}

export function barLine(facts: BarFacts, layout: BarLayout): string {
  const { name, count = "", done, total, bytesPerSecond, remark } = facts;
  const progress = total > 0 ? Math.min(1, done / total) : 1;
  const columns = [padEnd(cutName(name, Math.max(1, layout.name - cells(count))) + count, layout.name)];
  if (layout.bar > 0) columns.push(bar(progress, layout.bar));
  columns.push(`${Math.floor(progress * 100)}%`.padStart(PERCENT));
  if (layout.amount > 0) columns.push(bytesOf(done, total).padStart(layout.amount));
  if (layout.speed > 0) columns.push(errorColors.dim((remark ?? speed(bytesPerSecond)).padStart(layout.speed)));
  if (layout.eta > 0 && remark === undefined) {
    const left = bytesPerSecond > 0 ? clock((1000 * (total - done)) / bytesPerSecond) : "";
    columns.push(errorColors.dim(left.padStart(layout.eta)));
  }
  return columns.join(" ".repeat(GAP));
}

const speed = (bytesPerSecond: number) => (bytesPerSecond > 0 ? `${bytes(Math.round(bytesPerSecond))}/s` : "");

function bar(progress: number, width: number): string {
  const filled = Math.floor(progress * width);
  return errorColors.cyan("━".repeat(filled)) + errorColors.dim("─".repeat(width - filled));
}

/** A shard keeps its number, by which it differs from its neighbours. */
function cutName(name: string, width: number): string {
  const [, stem, number, extension] = /^(.+)(-\d{5}-of-\d{5})(\.[^/]+)$/.exec(name) ?? [];
  if (cells(name) <= width || stem === undefined) return cutMiddle(name, width);
  const tail = [`${number}${extension}`, `${number}…`, `${number?.slice(0, 6)}…`].find(
    (one) => cells(one) + 5 <= width,
  );
  return tail === undefined ? cutMiddle(name, width) : cutEnd(stem, width - cells(tail)) + tail;
}
