// Looks at a model without loading it: what it is, how large, whether it runs, and whether it fits into this machine.

import { kvTypes } from "./backends/backend.js";
import { DeadliftError, expected } from "./error.js";
import { checkHubKeys, checkSignal, checkText } from "./hub/option_check.js";
import { hubSettings } from "./hub/settings.js";
import { inspectRepo } from "./inspect/hub.js";
import type { Inspection, InspectOptions } from "./inspect/inspection.js";
import { inspectPath } from "./inspect/local.js";
import { exists, hubNameOf } from "./locate.js";
import { checkChoice, checkInteger } from "./options.js";

export type { GgufChoice, Inspection, InspectOptions, MemoryPlan } from "./inspect/inspection.js";

/**
 * Reads headers only: of files that are here, else by small parts from the Hub ("org/model", "org/model@revision",
 * "org/model:Q4_K_M", "hf://..."). A model that cannot run is no error: `supported` and `problem` say so. Throws for
 * damaged files, FileNotFound, NotAModel, QuantNotFound, and what the Hub says: RepoNotFound, Unreachable, Offline, ...
 */
export async function inspectModel(name: string, options: InspectOptions = {}): Promise<Inspection> {
  if (typeof name !== "string" || name === "") {
    throw new DeadliftError("InvalidArgument", expected("a path or the name of a repository", "the model", name));
  }
  checkHubKeys(options, ["contextSize", "kvType", "revision", "quant", "signal"], "inspectModel");
  checkInteger("contextSize", options.contextSize, 1);
  checkChoice("kvType", options.kvType, kvTypes);
  checkText("revision", options.revision);
  checkText("quant", options.quant);
  checkSignal(options.signal);
  if (await exists(name)) return inspectPath(name, forPath(options));
  const settings = hubSettings(options);
  return inspectRepo(name, hubNameOf(name, options, settings), options, settings);
}

/** A file has neither revisions nor quants to choose from. */
function forPath(options: InspectOptions): InspectOptions {
  const wrong = (["revision", "quant"] as const).find((key) => options[key] !== undefined);
  if (wrong === undefined) return options;
  const advice = wrong === "quant" ? "name the file itself" : "leave it out";
  throw new DeadliftError("InvalidArgument", `${wrong} is for models of the Hub, and this is a local path; ${advice}`);
}
