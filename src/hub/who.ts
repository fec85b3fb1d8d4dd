// Whose token this is.

import { DeadliftError } from "../error.js";
import { fieldsOf, fromHub, listOf, optionalFields, optionalText, textOf } from "./http/answers.js";
import { refuseOffline } from "./http/http.js";
import { huggingfaceHub } from "./http/huggingface_hub.js";
import { hubFetch } from "./http/rest.js";
import { checkHubKeys, checkSignal } from "./option_check.js";
import { type HubOptions, hubSettings, type TokenSource } from "./settings.js";

export interface WhoAmIOptions extends HubOptions {
  readonly signal?: AbortSignal;
}

export interface Identity {
  readonly name: string;
  readonly type: "user" | "org" | "app";
  readonly email: string | undefined;
  /** What its owner called the token. */
  readonly tokenName: string | undefined;
  /** "read", "write" or "fineGrained". */
  readonly role: string | undefined;
  readonly organisations: readonly string[];
  readonly tokenSource: TokenSource;
}

/** The owner of the token that requests are sent with. Throws Unauthorized without a token or for one that is not valid. */
export async function whoAmI(options: WhoAmIOptions = {}): Promise<Identity> {
  checkHubKeys(options, ["signal"], "whoAmI");
  checkSignal(options.signal);
  const settings = hubSettings(options);
  refuseOffline(settings);
  if (settings.tokenSource === undefined) {
    const advice = "set HF_TOKEN, log in with `hf auth login`, or give the option token";
    throw new DeadliftError("Unauthorized", `there is no access token; ${advice}`);
  }
  const hub = await huggingfaceHub();
  const fetch = hubFetch({}, settings, { signal: options.signal });
  // The package wants a token that begins with "hf_"; ours, whatever it begins with, is sent by our fetch.
  const answer = await fromHub(hub.whoAmI({ accessToken: "hf_", hubUrl: settings.endpoint, fetch }), "the token");
  return { ...read(answer), tokenSource: settings.tokenSource };
}

function read(answer: unknown): Omit<Identity, "tokenSource"> {
  const { name, type, email, orgs, auth } = fieldsOf(answer, "the token's owner");
  const token = optionalFields(optionalFields(auth, "the token")?.accessToken, "the token");
  return {
    name: textOf(name, "the token's owner"),
    type: type === "org" || type === "app" ? type : "user",
    email: optionalText(email, "the token's owner"),
    tokenName: optionalText(token?.displayName, "the token"),
    role: optionalText(token?.role, "the token"),
    organisations: listOf(orgs ?? [], "organisations").map((org) =>
      textOf(fieldsOf(org, "an organisation").name, "it"),
    ),
  };
}
