// Tables of a repository's files and versions.

import type { ModelCommit, ModelFileInfo, ModelInfo, ModelRef, ModelRevisions } from "../index.js";
import { ago, iso } from "./dates.js";
import { bytes, colors, say } from "./output.js";
import { type Column, printRows } from "./table.js";

export function printFiles({ files }: ModelInfo): void {
  say();
  printRows(FILES, files);
}

const FILES: readonly Column<ModelFileInfo>[] = [
  { head: "file", text: ({ path }) => path, cut: "middle", least: 40 },
  {
    head: "size",
    text: ({ size }) => bytes(size),
    plain: ({ size }) => String(size),
    align: "right",
    paint: colors.bold,
  },
  {
    head: "sha256 (LFS)",
    text: ({ sha256 }) => sha256?.slice(0, 16) ?? "",
    plain: ({ sha256 }) => sha256 ?? "",
    leaveOut: 1,
  },
];

interface NamedRef extends ModelRef {
  readonly kind: string;
}

export function printRevisions({ branches, tags, pullRequests, conversions, commits }: ModelRevisions): void {
  const named = (kind: string, refs: readonly ModelRef[]): NamedRef[] => refs.map((ref) => ({ ...ref, kind }));
  const refs = [
    ...named("branch", branches),
    ...named("tag", tags),
    ...named("pull request", pullRequests),
    ...named("conversion", conversions),
  ];
  say();
  printRows(REFS, refs);
  if (commits.length === 0) return;
  say();
  printRows(COMMITS, commits);
}

const shortCommit = {
  head: "commit",
  text: ({ commit }: { commit: string }) => commit.slice(0, 12),
  plain: ({ commit }: { commit: string }) => commit,
};

const REFS: readonly Column<NamedRef>[] = [
  { head: "revision", text: ({ name }) => name, cut: "middle", least: 30, paint: colors.cyan },
  { head: "kind", text: ({ kind }) => kind },
  shortCommit,
];

const COMMITS: readonly Column<ModelCommit>[] = [
  { ...shortCommit, head: "last commits" },
  {
    head: "date",
    text: ({ date }) => ago(date?.getTime() ?? Number.NaN),
    plain: ({ date }) => iso(date?.getTime() ?? Number.NaN),
  },
  { head: "title", text: ({ title }) => title, cut: "end", least: 20 },
  { head: "authors", text: ({ authors }) => authors.join(", "), cut: "end", leaveOut: 1 },
];
