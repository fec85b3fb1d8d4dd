// What the environment says about the Hub, judged by a table that Python's huggingface_hub 2.4.0 filled in.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type HubOptions, hubSettings } from "../src/hub/settings.js";

interface Golden {
  files: Record<string, string>;
  cases: { env: Record<string, string>; settings: Record<string, string | number | boolean | null> }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("fixtures/hub/settings.json", import.meta.url), "utf8"));
const root = mkdtempSync(join(tmpdir(), "deadlift-settings-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
for (const [name, text] of Object.entries(golden.files)) {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}

const home = { HOME: join(root, "home") };
const withRoot = (text: string) => text.replaceAll("{ROOT}", root);
const settingsOf = (env: Record<string, string>, options?: HubOptions) => {
  const full = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, withRoot(value)]));
  return hubSettings(options, { ...home, ...full });
};
const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error("it was not refused");
};

// The table was made on a system with "/" in its paths.
describe.skipIf(process.platform === "win32")("as Python", () => {
  it.each(golden.cases.map(({ env, settings }) => [JSON.stringify(env), env, settings] as const))(
    "%s",
    (_, env, was) => {
      const ours = settingsOf(env);
      expect({
        cache: ours.cacheDir,
        tokenPath: ours.tokenPath,
        endpoint: ours.endpoint,
        token: ours.token ?? null,
        offline: ours.offline,
        metadataTimeout: ours.metadataTimeoutMs / 1000,
        downloadTimeout: ours.downloadTimeoutMs / 1000,
        noSymlinks: !ours.symlinks,
        noSharedBlobs: !ours.sharedBlobs,
        noProgressBars: !ours.progressBars,
        noTelemetry: !ours.userAgent.includes("node/"),
        origin: /; origin\/(.*)$/.exec(ours.userAgent)?.[1] ?? null,
      }).toEqual({
        cache: resolve(withRoot(String(was.cache))),
        tokenPath: resolve(withRoot(String(was.tokenPath))),
        endpoint: was.endpoint,
        token: was.token,
        offline: was.offline,
        metadataTimeout: was.metadataTimeout,
        downloadTimeout: was.downloadTimeout,
        noSymlinks: was.noSymlinks,
        noSharedBlobs: was.noSharedBlobs || was.noXet,
        noProgressBars: was.noProgressBars ?? false,
        noTelemetry: was.noTelemetry,
        origin: was.origin,
      });
    },
  );
});

describe("options", () => {
  const env = { HF_ENDPOINT: "https://env.example", HF_HUB_CACHE: "{ROOT}/env", HF_TOKEN: "hf_env" };

  it("win over the environment", () => {
    const settings = settingsOf(
      { ...env, HF_HUB_OFFLINE: "1", HUGGINGFACE_CO_STAGING: "1" },
      { endpoint: "http://127.0.0.1:1/hf/", cacheDir: "some/where", token: "hf_option", offline: false },
    );
    expect(settings.endpoint).toBe("http://127.0.0.1:1/hf");
    expect(settings.cacheDir).toBe(resolve("some/where"));
    expect(settings).toMatchObject({ token: "hf_option", tokenSource: "option", offline: false });
  });

  it("say where the token comes from", () => {
    expect(settingsOf(env).tokenSource).toBe("HF_TOKEN");
    expect(settingsOf({ HUGGING_FACE_HUB_TOKEN: "hf_x" }).tokenSource).toBe("HUGGING_FACE_HUB_TOKEN");
    expect(settingsOf({})).toMatchObject({ token: "hf_home", tokenSource: "file" });
    expect(settingsOf(env, { token: false })).toMatchObject({ token: undefined, tokenSource: undefined });
    expect(settingsOf({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, { token: "hf_x" }).token).toBe("hf_x");
  });

  it("say what forbids the network", () => {
    expect(settingsOf({ TRANSFORMERS_OFFLINE: "1" }).offlineSource).toBe("TRANSFORMERS_OFFLINE");
    expect(settingsOf({ HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" }).offlineSource).toBe("HF_HUB_OFFLINE");
    expect(settingsOf({}, { offline: true }).offlineSource).toBe("the option offline");
  });

  it("are refused when they cannot be meant", () => {
    const wrong: HubOptions[] = [
      { endpoint: "huggingface.co" },
      { endpoint: "ftp://huggingface.co" },
      { endpoint: "https://hub.example/?a=1" },
      { endpoint: "" },
      { cacheDir: "" },
      { cacheDir: "a\0b" },
      { token: "" },
      { token: true as unknown as string },
      { offline: "yes" as unknown as boolean },
    ];
    for (const options of wrong) expect(refusal(() => settingsOf({}, options)).code).toBe("InvalidArgument");
  });
});

describe("where we differ from Python on purpose", () => {
  it.skipIf(process.platform === "win32")("an empty variable counts as unset", () => {
    const none = settingsOf({});
    for (const name of ["HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_TOKEN_PATH"]) {
      expect(settingsOf({ [name]: "" })).toEqual(none);
    }
    for (const name of ["HF_ENDPOINT", "HF_HUB_ETAG_TIMEOUT", "HF_HUB_USER_AGENT_ORIGIN"]) {
      expect(settingsOf({ [name]: "" })).toEqual(none);
    }
  });

  it("a variable that makes no sense is named", () => {
    const wrong = {
      HF_HUB_ETAG_TIMEOUT: ["ten", "-1", "1.5", "99999999"],
      HF_HUB_DOWNLOAD_TIMEOUT: ["1e3"],
      HF_ENDPOINT: ["huggingface.co", "file:///etc"],
      HF_HOME: ["~nobody/x"],
      HF_HUB_USER_AGENT_ORIGIN: ["a\nb", "ä"],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        const error = refusal(() => settingsOf({ [name]: value }));
        expect(error.code).toBe("InvalidArgument");
        expect(error.message).toContain(name);
      }
    }
  });

  it("an endpoint with a password is refused without repeating it", () => {
    const error = refusal(() => settingsOf({ HF_ENDPOINT: "https://user:s3cret@hub.example" }));
    expect(error.message).toContain("HF_ENDPOINT");
    expect(error.message).not.toContain("s3cret");
  });

  it("a token that no header can carry is refused without repeating it", () => {
    for (const token of ["hf_s3cret x", "hf_s3cret\u00e9"]) {
      const error = refusal(() => settingsOf({ HF_TOKEN: token }));
      expect(error.code).toBe("InvalidArgument");
      expect(error.message).toContain("HF_TOKEN");
      expect(error.message).not.toContain("s3cret");
    }
  });

  it("a token file that is no file is named", () => {
    const error = refusal(() => settingsOf({ HF_TOKEN_PATH: "{ROOT}/home" }));
    expect(error.code).toBe("FileUnreadable");
    expect(error.message).toContain(join(root, "home"));
    expect(settingsOf({ HF_TOKEN_PATH: "{ROOT}/home" }, { token: false }).token).toBeUndefined();
  });
});

it("variables are read at each call", () => {
  vi.stubEnv("HF_ENDPOINT", "http://first.example");
  expect(hubSettings().endpoint).toBe("http://first.example");
  vi.stubEnv("HF_ENDPOINT", "http://later.example");
  expect(hubSettings().endpoint).toBe("http://later.example");
  vi.unstubAllEnvs();
});
