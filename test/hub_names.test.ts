// Names of models, and names of files: what is understood, what is a path, what is refused.

import { join, posix, sep, win32 } from "node:path";
import { describe, expect, it } from "vitest";
import { checkFileName } from "../src/hub/file_names.js";
import { checkRepo, checkRevision, parseHubName, parseRepoName } from "../src/hub/names.js";

const settings = { endpoint: "http://localhost:8080/hf" };
const parse = (name: string) => {
  const parsed = parseHubName(name, settings);
  return parsed && [parsed.repo, parsed.revision, parsed.quant, parsed.file];
};
const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "fine";
};
const none = undefined;
const sha = "0123456789abcdef0123456789abcdef01234567";

describe("names of models", () => {
  const understood: [string, ...(string | undefined)[]][] = [
    ["gpt2", "gpt2", none, none, none],
    ["org/repo", "org/repo", none, none, none],
    ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B", none, none, none],
    ["_a/b_", "_a/b_", none, none, none],
    ["org/repo@v1.0", "org/repo", "v1.0", none, none],
    ["gpt2@main", "gpt2", "main", none, none],
    ["org/repo@refs/pr/1", "org/repo", "refs/pr/1", none, none],
    ["org/repo@feature/x", "org/repo", "feature/x", none, none],
    [`org/repo@${sha}`, "org/repo", sha, none, none],
    ["org/repo:Q4_K_M", "org/repo", none, "Q4_K_M", none],
    ["gpt2:BF16", "gpt2", none, "BF16", none],
    ["org/repo:UD-Q4_K_XL", "org/repo", none, "UD-Q4_K_XL", none],
    ["org/repo@v1:Q8_0", "org/repo", "v1", "Q8_0", none],
    ["org/repo@refs/pr/12:q8_0", "org/repo", "refs/pr/12", "q8_0", none],
    ["hf://org/repo", "org/repo", none, none, none],
    ["hf://gpt2", "gpt2", none, none, none],
    ["hf://gpt2@v1", "gpt2", "v1", none, none],
    ["hf://org/repo/", "org/repo", none, none, none],
    ["hf://models/org/repo", "org/repo", none, none, none],
    ["hf://models/org/repo@v1/sub/x.gguf", "org/repo", "v1", none, "sub/x.gguf"],
    ["hf://org/repo/x.gguf", "org/repo", none, none, "x.gguf"],
    ["hf://org/repo/a@1.gguf", "org/repo", none, none, "a@1.gguf"],
    ["hf://org/repo@refs/pr/3", "org/repo", "refs/pr/3", none, none],
    ["hf://org/repo@refs/pr/3/x.gguf", "org/repo", "refs/pr/3", none, "x.gguf"],
    ["hf://org/repo@refs/convert/gguf.v1/x.gguf", "org/repo", "refs/convert/gguf.v1", none, "x.gguf"],
    ["hf://org/repo@feature%2Fx/x.gguf", "org/repo", "feature/x", none, "x.gguf"],
    ["hf://org/repo:Q4_0", "org/repo", none, "Q4_0", none],
    ["hf://org/repo@v1:Q4_0", "org/repo", "v1", "Q4_0", none],
    ["https://huggingface.co/org/repo", "org/repo", none, none, none],
    ["https://huggingface.co/org/repo/", "org/repo", none, none, none],
    ["http://huggingface.co/org/repo", "org/repo", none, none, none],
    ["HTTPS://HuggingFace.co/org/repo", "org/repo", none, none, none],
    ["https://hf.co/org/repo?x=1#files", "org/repo", none, none, none],
    ["huggingface.co/org/repo", "org/repo", none, none, none],
    ["https://huggingface.co/gpt2", "gpt2", none, none, none],
    ["https://huggingface.co/gpt2/tree/main", "gpt2", "main", none, none],
    ["https://huggingface.co/gpt2/blob/main/x.gguf", "gpt2", "main", none, "x.gguf"],
    ["https://huggingface.co/org/repo/tree", "org/repo", none, none, none],
    ["https://huggingface.co/org/repo/tree/v1", "org/repo", "v1", none, none],
    ["https://huggingface.co/org/repo/blob/main/a/b.gguf", "org/repo", "main", none, "a/b.gguf"],
    ["https://huggingface.co/org/repo/resolve/main/b%20c.gguf?download=true", "org/repo", "main", none, "b c.gguf"],
    ["https://huggingface.co/org/repo/raw/refs%2Fpr%2F1/config.json", "org/repo", "refs/pr/1", none, "config.json"],
    ["https://huggingface.co/org/repo/blob/refs/pr/1/config.json", "org/repo", "refs/pr/1", none, "config.json"],
    ["https://huggingface.co/org/repo/tree/refs/pr/10", "org/repo", "refs/pr/10", none, none],
    ["http://localhost:8080/hf/org/repo/blob/main/x.gguf", "org/repo", "main", none, "x.gguf"],
    ["localhost:8080/hf/org/repo", "org/repo", none, none, none],
  ];
  it.each(understood)("%s", (name, ...parts) => {
    expect(parse(name)).toEqual(parts);
  });

  const paths = [
    "",
    ".",
    "./org/repo",
    "../repo",
    "/org/repo",
    "~/repo",
    "~",
    "org/repo/file.gguf",
    "org\\repo",
    ".\\repo",
    "C:\\models\\x",
    "C:/models/x",
    "C:x.gguf",
    "org/",
    "a--b/c",
    "a/..b",
    "org/repo.git",
    "-org/repo",
    "org/repo.",
    "org/re po",
    "org/répo",
    "org/repo:",
    "org/repo:a/b",
    "org/repo:a:b",
    "file:///x",
    "ftp://huggingface.co/org/repo",
    "x".repeat(97),
    `org/${"x".repeat(93)}`,
    "org/repo\n",
  ];
  it.each(paths)("%j is a path", (name) => {
    expect(parse(name)).toBeUndefined();
  });

  const refused = [
    "hf://",
    "hf://models",
    "hf://datasets/org/data",
    "hf://spaces/org/x",
    "hf://buckets/org/x",
    "hf://model/org/repo",
    "hf://a--b/c",
    "hf://org/repo@",
    "hf://@main",
    "hf://org/repo@a b",
    "hf://org/repo:",
    "hf://org/repo@v1:a/b:c d",
    "org/repo@",
    "org/repo@..",
    "org/repo@a/../b",
    "org/repo@/etc/passwd",
    "org/repo@a//b",
    "org/repo@a\\b",
    "org/repo@a b",
    "org/repo@-\u0007",
    "https://huggingface.co",
    "https://huggingface.co/",
    "https://huggingface.co/datasets/org/data",
    "https://huggingface.co/docs/hub",
    "https://huggingface.co/org/repo/commits/main",
    "https://huggingface.co/org/repo/discussions/1",
    "https://huggingface.co/org/repo/blob/main/a%2Fb.gguf",
    "https://huggingface.co/org/repo/blob/main/%zz.gguf",
    "https://huggingface.co.evil.example/org/repo",
    "https://evil.example/org/repo",
    "https://huggingface.co@evil.example/org/repo",
    "https://user:password@huggingface.co/org/repo",
    "http://localhost:8081/hf/org/repo",
    "https://",
  ];
  it.each(refused)("%j is refused", (name) => {
    expect(codeOf(() => parse(name))).toBe("InvalidArgument");
  });

  it("a hostile file in a name is refused", () => {
    expect(codeOf(() => parse("hf://org/repo/../../x"))).toBe("UnsafeFileName");
    expect(codeOf(() => parse("https://huggingface.co/org/repo/blob/main/..%5Cx"))).toBe("UnsafeFileName");
  });

  it("does not repeat a password", () => {
    expect(() => parse("https://user:s3cret@huggingface.co/org/repo")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    );
  });
});

describe("names of whole repositories", () => {
  it("take the revision from either place", () => {
    expect(parseRepoName("org/repo", settings)).toEqual({ repo: "org/repo", revision: undefined });
    expect(parseRepoName("org/repo", settings, "v1")).toEqual({ repo: "org/repo", revision: "v1" });
    expect(parseRepoName("org/repo@v1", settings, "v1")).toEqual({ repo: "org/repo", revision: "v1" });
  });

  it("refuse two revisions, a quant, a file and a path", () => {
    for (const [name, revision] of [
      ["org/repo@v1", "v2"],
      ["org/repo:Q4_0", undefined],
      ["hf://org/repo/x.gguf", undefined],
      ["./repo", undefined],
      ["org/repo", "../x"],
    ] as const) {
      expect(codeOf(() => parseRepoName(name, settings, revision))).toBe("InvalidArgument");
    }
    expect(codeOf(() => parseRepoName(undefined as unknown as string, settings))).toBe("InvalidArgument");
  });
});

it("ids of repositories are checked as Python does", () => {
  for (const repo of ["a", "a/b", "123", "Foo-BAR_foo.bar123", "a".repeat(96)]) checkRepo(repo);
  const wrong = ["", "a/b/c", ".a", "a-", "a--b", "a..b", "a.git", "/a", "a/", "a b", "a\n", "é", "a".repeat(97)];
  for (const repo of wrong) expect(codeOf(() => checkRepo(repo))).toBe("InvalidArgument");
});

it("revisions cannot leave the folder of the refs", () => {
  for (const revision of ["main", "v1.0", "refs/pr/1", "a/b/c", "ünï", sha]) checkRevision(revision);
  const wrong = ["", "..", "a/..", "/a", "a/", "a//b", ".", "a/./b", "a\\b", "C:x", "con", "a.", "@{1}", "a\0b", "a~1"];
  for (const revision of wrong) expect(codeOf(() => checkRevision(revision))).toBe("InvalidArgument");
});

describe("names of files", () => {
  const fine = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "sub/dir/x.gguf",
    ".gitattributes",
    "a b (1)+&,;=@#%.bin",
    "日本語/ü.txt",
    "console.log",
    "com.txt",
    "comma",
    "..a",
    "a..b",
    "x".repeat(255),
  ];
  it.each(fine)("%j is fine", (name) => {
    expect(codeOf(() => checkFileName(name, "org/repo"))).toBe("fine");
  });

  const hostile = [
    "",
    "/etc/passwd",
    "//server/share",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "./x",
    "a/./b",
    "a//b",
    "a/",
    "\\\\server\\share",
    "..\\x",
    "a\\b",
    "C:\\x",
    "C:x",
    "c:/x",
    "x:stream",
    "CON",
    "con.txt",
    "a/NUL",
    "nul .txt",
    "aux.tar.gz",
    "COM1",
    "com9.json",
    "COM\u00b9",
    "LPT1.safetensors",
    "CONOUT$",
    "a.",
    "a ",
    "a./b",
    "a /b",
    "...",
    "a\0b",
    "a\nb",
    "a\u001b[2J",
    "a\u007f",
    "a\u0085",
    "\ud800",
    "x".repeat(256),
    "ü".repeat(128),
    `${"a/".repeat(1024)}b`,
  ];
  it.each(hostile)("%j is refused", (name) => {
    expect(codeOf(() => checkFileName(name, "org/repo"))).toBe("UnsafeFileName");
  });

  it("whatever passes stays in its folder, on every system", () => {
    const pieces = ["..", ".", "/", "\\", ":", "a", "C:", "\0", " ", "~", "con", "%2e", "\u2024", "\u2215", "\uff0f"];
    let state = 1;
    const random = (below: number) => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    let passed = 0;
    for (let i = 0; i < 20_000; i++) {
      const name = Array.from({ length: 1 + random(6) }, () => pieces[random(pieces.length)]).join("");
      if (codeOf(() => checkFileName(name, "org/repo")) !== "fine") continue;
      passed++;
      expect(join("root", name).startsWith(`root${sep}`)).toBe(true);
      expect(posix.resolve("/root", name).startsWith("/root/")).toBe(true);
      expect(win32.resolve("D:\\root", name).startsWith("D:\\root\\")).toBe(true);
      expect(posix.normalize(name)).toBe(name);
    }
    expect(passed).toBeGreaterThan(100);
  });

  it("the message shows the name safely", () => {
    expect(() => checkFileName("\u001b[2Jx", "org/repo")).toThrow(/\\u001b\[2Jx.*control characters/);
  });
});
