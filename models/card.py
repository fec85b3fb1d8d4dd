"""The model card of models/tiny, with the figures of the run that made it."""
import math

CARD = """---
license: apache-2.0
language: en
library_name: deadlift
pipeline_tag: text-generation
tags: [llama, tiny]
---

# Tiny

The model that comes with deadlift: {parameters:.2f} M parameters in BF16, a Llama of four layers, so that everything can be tried
and tested before anything is downloaded. Its world is small, and it says so: short stories on request, small talk,
questions about deadlift, and little sums.

It was trained only on text that the scripts next to it invent (`models/corpus.py`); no other text, data or weights went into it.
Do not ask it for facts.

| | |
|---|---|
| architecture | Llama: hidden 256, ffn 768, 4 layers, 4 heads of 64 with 2 KV heads, tied embeddings |
| vocabulary | 2048, byte-level BPE, digits one by one |
| context | 1024 tokens |
| chat format | ChatML with `<|bos|>` in front; a turn ends with `<|im_end|>` |
| training | {tokens:.0f} M tokens, {steps} steps, {minutes:.0f} minutes on two CPU cores |
| held-out perplexity | {ppl:.3f} in BF16 ({ppl_f32:.3f} before rounding), {held_out_tokens} tokens of conversations and stories whose combinations are not in the training text |
| held-out sums | {plus:.0%} of additions and {minus:.0%} of subtractions with numbers up to 100 are right (greedy) |

Made by

```sh
{recipe}
```

## What it says (greedy)

{samples}
"""


def text(figures, samples, recipe):
    said = "\n\n".join(f"**{prompt}**\n\n> {reply}" for prompt, reply in samples)
    return CARD.format(parameters=figures["parameters"] / 1e6, tokens=figures["tokens"] / 1e6, steps=figures["steps"], minutes=figures["minutes"], ppl=math.exp(figures["nll_bf16"]),
                       ppl_f32=math.exp(figures["nll_f32"]), held_out_tokens=figures["held_out_tokens"], samples=said, recipe=recipe,
                       plus=figures["sums"]["+"], minus=figures["sums"]["-"])
