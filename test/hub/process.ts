// The tests' Hub as a process of its own: takes its repositories and its orders over IPC, ends with its parent.

import type { Content, Fault, HubOptions, RepoOptions, RequestMatch, TestRepo } from "./contract.js";
import { hashContent, startHub } from "./server.js";

export interface SpawnedRepo {
  id: string;
  files: Record<string, Content>;
  options?: RepoOptions;
}

/** The first message to the process. */
export interface HubSpec {
  repos: SpawnedRepo[];
  options?: HubOptions;
}

interface Call {
  call: number;
  method: keyof Awaited<ReturnType<typeof methodsOf>>;
  args: unknown[];
}

/** What the parent may call, by name. */
async function methodsOf({ repos, options }: HubSpec) {
  const hub = await startHub(options);
  const made = new Map<string, TestRepo>();
  const rules: (() => void)[] = [];
  for (const { id, files, options: repoOptions } of repos) {
    const repo = hub.repo(id, repoOptions);
    repo.commit(files);
    made.set(id, repo);
    // Hashed before the first request, so that none of them waits for it.
    for (const [path, content] of Object.entries(files)) await hashContent(content, path);
  }
  return {
    ready: () => ({
      endpoint: hub.endpoint,
      cdn: hub.cdn,
      heads: Object.fromEntries([...made].map(([id, repo]) => [id, repo.head()])),
    }),
    requests: () => hub.requests,
    bytesSent: (match?: RequestMatch) => hub.bytesSent(match),
    when: (match: RequestMatch, fault: Fault) => rules.push(hub.when(match, fault)) - 1,
    removeRule: (rule: number) => rules[rule]?.(),
    expireSignedUrls: () => hub.expireSignedUrls(),
    commit: (id: string, files: Record<string, Content | null>, branch?: string) =>
      made.get(id)!.commit(files, branch === undefined ? {} : { branch }),
    close: () => hub.close(),
  };
}

async function answerCall(methods: Awaited<ReturnType<typeof methodsOf>>, { call, method, args }: Call) {
  try {
    const value = await (methods[method] as (...given: unknown[]) => unknown)(...args);
    process.send!({ call, value });
  } catch (error) {
    process.send!({ call, error: String(error) });
  }
}

process.once("disconnect", () => process.exit());
process.once("message", async (spec: HubSpec) => {
  try {
    const methods = await methodsOf(spec);
    process.on("message", (call: Call) => void answerCall(methods, call));
    process.send!({ call: 0, value: methods.ready() });
  } catch (error) {
    process.send!({ call: 0, error: String(error) });
  }
});
