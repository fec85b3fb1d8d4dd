// Python's strftime in the C locale, in local time as datetime.now() gives it.

import { spend } from "./work.js";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAY = 86_400_000;

/** How %-d and %_d change the padding; glibc's extension, which templates use. */
type Padding = "-" | "_" | "0" | undefined;

export function strftime(now: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([a-zA-Z%])/g, (whole, flag: string, letter: string) => {
    const shown = field(now, letter, (flag || undefined) as Padding);
    return shown === undefined ? whole : flag === "^" ? shown.toUpperCase() : shown;
  });
}

function padded(value: number, width: number, fill: string, padding: Padding): string {
  if (padding === "-") return String(value);
  return String(value).padStart(width, padding === "_" ? " " : padding === "0" ? "0" : fill);
}

const COMPOSED: Record<string, string> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

function field(now: Date, letter: string, padding: Padding): string | undefined {
  const two = (value: number) => padded(value, 2, "0", padding);
  const spaced = (value: number) => padded(value, 2, " ", padding);
  const [hour, year] = [now.getHours(), now.getFullYear()];
  const fields: Record<string, () => string> = {
    a: () => DAYS[now.getDay()]!.slice(0, 3),
    A: () => DAYS[now.getDay()]!,
    b: () => MONTHS[now.getMonth()]!.slice(0, 3),
    h: () => MONTHS[now.getMonth()]!.slice(0, 3),
    B: () => MONTHS[now.getMonth()]!,
    C: () => two(Math.floor(year / 100)),
    d: () => two(now.getDate()),
    e: () => spaced(now.getDate()),
    f: () => String(now.getMilliseconds() * 1000).padStart(6, "0"),
    G: () => String(isoWeek(now).year),
    H: () => two(hour),
    I: () => two(hour % 12 || 12),
    j: () => padded(dayOfYear(now), 3, "0", padding),
    k: () => spaced(hour),
    l: () => spaced(hour % 12 || 12),
    m: () => two(now.getMonth() + 1),
    M: () => two(now.getMinutes()),
    n: () => "\n",
    p: () => (hour < 12 ? "AM" : "PM"),
    P: () => (hour < 12 ? "am" : "pm"),
    s: () => String(Math.floor(now.getTime() / 1000)),
    S: () => two(now.getSeconds()),
    t: () => "\t",
    u: () => String(now.getDay() || 7),
    U: () => two(Math.floor((dayOfYear(now) + 6 - now.getDay()) / 7)),
    V: () => two(isoWeek(now).week),
    w: () => String(now.getDay()),
    W: () => two(Math.floor((dayOfYear(now) + 6 - ((now.getDay() + 6) % 7)) / 7)),
    y: () => two(year % 100),
    Y: () => String(year),
    z: () => "", // datetime.now() knows no zone
    Z: () => "",
    "%": () => "%",
  };
  spend(8);
  const composed = COMPOSED[letter];
  return composed === undefined ? fields[letter]?.() : strftime(now, composed);
}

/** 1 to 366. */
function dayOfYear(now: Date): number {
  return (Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.UTC(now.getFullYear(), 0, 1)) / DAY + 1;
}

/** ISO 8601: the week with the year's first Thursday is the first. */
function isoWeek(now: Date): { year: number; week: number } {
  const weekday = (now.getDay() + 6) % 7;
  const thursday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - weekday + 3);
  return { year: thursday.getFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}
