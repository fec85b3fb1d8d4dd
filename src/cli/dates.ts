// Points in time: how long ago for people, ISO 8601 for programs.

const STEPS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, ms: number])[] = [
  ["year", 365.25 * 86_400_000],
  ["month", 30.44 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** "3 days ago", "just now"; "" for what is no time. Milliseconds since 1970. */
export function ago(time: number, now = Date.now()): string {
  if (!Number.isFinite(time)) return "";
  const elapsed = now - time;
  const step = STEPS.find(([, ms]) => elapsed >= ms);
  return step ? words.format(-Math.floor(elapsed / step[1]), step[0]) : "just now";
}

/** "2026-11-23T02:27:00.000Z"; "" for what is no time. */
export function iso(time: number): string {
  return Number.isFinite(time) && Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : "";
}
