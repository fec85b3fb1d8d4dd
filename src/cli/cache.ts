// `deadlift cache`: looks after the models that were downloaded.

import { Command } from "commander";
import { cacheListCommand } from "./cache_list.js";
import { cachePruneCommand, cacheRemoveCommand } from "./cache_remove.js";
import { cacheVerifyCommand } from "./cache_verify.js";

const EXAMPLES = `
Examples:
  deadlift cache ls                     what is there, the largest first
  deadlift cache rm Qwen/Qwen3-0.6B     remove a repository
  deadlift cache prune                  remove what nobody asks for any more
  deadlift cache verify                 compare the files with their hashes`;

export function cacheCommand(): Command {
  const command = new Command("cache")
    .summary("list, remove and verify what was downloaded")
    .description("look after the cache of downloaded models, which is shared with Python")
    .addHelpText("after", EXAMPLES);
  for (const one of [cacheListCommand(), cacheRemoveCommand(), cachePruneCommand(), cacheVerifyCommand()]) {
    command.addCommand(one);
  }
  return command;
}
