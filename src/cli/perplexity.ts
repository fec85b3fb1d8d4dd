// `deadlift perplexity MODEL FILE`: how well a model foretells a text, and how far it is from another model.

import { Command } from "commander";
import type { Model, Perplexity } from "../index.js";
import { addLoadFlags, integer, type LoadFlags, MODEL } from "./flags.js";
import { interruption } from "./interruption.js";
import { duration, grouped, plural, printFacts, printJson } from "./output.js";
import { Progress } from "./progress.js";
import { load, readText } from "./source.js";

interface Flags extends LoadFlags {
  readonly window?: number;
  readonly base?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Windows are those of llama.cpp's tool, so that figures compare: they do not overlap, and the second half of each counts.

Examples:
  deadlift perplexity ./model heldout.txt
  deadlift perplexity ./model-Q4_K_M.gguf heldout.txt --base ./model --json`;

export function perplexityCommand(): Command {
  const command = new Command("perplexity")
    .summary("measure how well a model foretells a text")
    .description(
      "mean negative log-likelihood and perplexity of a text; with --base also the divergence from that model",
    )
    .argument("<MODEL>", MODEL)
    .argument("<FILE>", "a UTF-8 text of at least two windows")
    .option("--window <n>", "tokens of a window (default: 512)", integer(4))
    .option("--base <model>", "compare the distributions with this model's");
  return addLoadFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, file: string, flags: Flags): Promise<void> {
  const text = await readText(file);
  await using model = await load(name, flags);
  // What is compared with is as it was published.
  const { quantize: _, ...asPublished } = flags;
  await using base = flags.base === undefined ? undefined : await load(flags.base, asPublished);
  const result = await measure(model, base, text, flags);
  if (flags.json) {
    const { tokens, nll, perplexity, standardError, contextSize, windows } = result;
    return printJson({ tokens, nll, perplexity, standardError, contextSize, windows, base: result.base });
  }
  printResult(result, flags.base);
}

async function measure(model: Model, base: Model | undefined, text: string, { window }: Flags): Promise<Perplexity> {
  using progress = new Progress("reading the text");
  const startedAt = performance.now();
  return model.perplexity(text, {
    ...(window !== undefined && { contextSize: window }),
    ...(base && { base }),
    signal: interruption,
    onProgress: ({ done, total, perplexity }) => {
      const left = ((performance.now() - startedAt) / done) * (total - done);
      progress.update(`window ${done} of ${total}, perplexity ${perplexity.toFixed(4)}, ${duration(left)} left`);
    },
  });
}

function printResult({ tokens, nll, perplexity, standardError, contextSize, windows, base }: Perplexity, name = "") {
  printFacts([
    ["perplexity", `${perplexity.toFixed(4)} ± ${standardError.toFixed(4)}`],
    ["nll", `${nll.toFixed(6)} per token`],
    ["tokens", `${grouped(tokens)} scored in ${plural(windows, "window")} of ${grouped(contextSize)}`],
  ]);
  if (!base) return;
  const { mean, median, p99, maximum } = base.divergence;
  const [a, b, c, d] = [mean, median, p99, maximum].map((value) => value.toExponential(2));
  printFacts([
    ["base", `${name}: perplexity ${base.perplexity.toFixed(4)}, ratio ${(perplexity / base.perplexity).toFixed(4)}`],
    ["divergence", `mean ${a}, median ${b}, 99 % below ${c}, at most ${d}`],
    ["same top", `${(100 * base.sameTop).toFixed(2)} % of tokens`],
  ]);
}
