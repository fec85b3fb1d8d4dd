// Tables that fit: at a terminal narrow enough for it, through a pipe whole and separated by tabs.

import Table from "cli-table3";
import { colors, frameless, oneLine, say, columns as terminalColumns } from "./output.js";
import { cells, cutEnd, cutMiddle } from "./width.js";

export interface Column<Row> {
  readonly head: string;
  /** For people. */
  readonly text: (row: Row) => string;
  /** For programs, where that differs: whole numbers and dates as ISO 8601 has them. */
  readonly plain?: (row: Row) => string;
  readonly align?: "right";
  readonly paint?: (text: string, row: Row) => string;
  /** What a narrow terminal does with it: leave it out (the highest number first) or cut it. */
  readonly leaveOut?: number;
  readonly cut?: "end" | "middle";
  /** Cells that remain of what is cut. */
  readonly least?: number;
}

const GAP = 2;

/** Rows under headings. What the network said is made harmless. */
export function printRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  if (!process.stdout.isTTY) {
    say(columns.map(({ head }) => head).join("\t"));
    for (const row of rows) say(columns.map(({ text, plain = text }) => field(plain(row))).join("\t"));
    return;
  }
  const shown = arrange(columns, rows, terminalColumns());
  const table = new Table({
    ...frameless,
    style: { ...frameless.style, "padding-right": GAP },
    head: shown.map(({ column }) => colors.bold(column.head)),
    colAligns: shown.map(({ column }) => column.align ?? "left"),
  });
  for (const row of rows) {
    table.push(
      shown.map(({ column, width }) => {
        const text = (column.cut === "middle" ? cutMiddle : cutEnd)(field(column.text(row)), width);
        return column.paint ? column.paint(text, row) : text;
      }),
    );
  }
  for (const line of table.toString().split("\n")) say(line.trimEnd());
}

const field = (text: string) => oneLine(text).replaceAll("\t", " ");

interface Shown<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

/** The columns that have something to say and room to say it. */
function arrange<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Shown<Row>[] {
  let shown = columns
    .map((column) => ({ column, texts: rows.map((row) => cells(field(column.text(row)))) }))
    .filter(({ texts }) => Math.max(...texts) > 0)
    .map(({ column, texts }) => ({ column, width: Math.max(cells(column.head), ...texts) }));
  const excess = () => shown.reduce((sum, one) => sum + one.width + GAP, -GAP) - width;
  const needed = () => excess() - shown.reduce((sum, { column, width }) => sum + cuttable(column, width), 0);
  for (;;) {
    const last = shown.reduce((most, { column }) => Math.max(most, column.leaveOut ?? 0), 0);
    if (last === 0 || needed() <= 0) break;
    shown = shown.filter(({ column }) => column.leaveOut !== last);
  }
  for (const one of shown) if (excess() > 0) one.width -= Math.min(excess(), cuttable(one.column, one.width));
  return shown;
}

const cuttable = <Row>({ cut, least = 10 }: Column<Row>, width: number) => (cut ? Math.max(0, width - least) : 0);
