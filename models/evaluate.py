"""How good a model folder is: held-out perplexity, held-out sums, and what it answers.

    python models/evaluate.py models/tiny
"""
import math
import os
import random
import sys

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

import corpus
import folder
import sums

PROMPTS = ["Hello!", "Who are you?", "Tell me a story about a brave cat and a lantern.", "Tell me a story about a lonely robot named Zuri who finds a violin", "What is 17 + 25?",
           "six times seven", "Anna has 5 apples. She gets 4 more. How many apples does Anna have?", "How do I load a model?", "What is a GGUF file?", "how do i stop a generation",
           "What is the capital of France?", "Tell me a joke", "I feel a bit sad today."]


def held_out_tokens(tokenizer, seed, count=400):
    rng = random.Random(seed)
    texts = [folder.text(corpus.document(rng, True)) for _ in range(count)]
    return np.concatenate([np.array(tokenizer.encode(t, add_special_tokens=False).ids, dtype=np.int64) for t in texts])


@torch.no_grad()
def nll(model, tokens, window=512):
    """Mean negative log-likelihood over consecutive windows; each predicts all of its tokens but the first."""
    total, count = 0.0, 0
    for i in range(0, len(tokens) - window, window):
        ids = torch.from_numpy(tokens[i:i + window])[None]
        total += torch.nn.functional.cross_entropy(model(input_ids=ids).logits[0, :-1].float(), ids[0, 1:], reduction="sum").item()
        count += window - 1
    return total / count


@torch.no_grad()
def answer(model, tokenizer, prompt, limit=220):
    """Greedy answer to one chat message."""
    ids = tokenizer.encode(f"{folder.BOS}{folder.START}user\n{prompt}{folder.END}\n{folder.START}assistant\n", add_special_tokens=False).ids
    out = model.generate(torch.tensor([ids]), max_new_tokens=limit, do_sample=False, eos_token_id=[2, 4], pad_token_id=0)
    return tokenizer.decode(out[0, len(ids):].tolist())


def sums_right(model, tokenizer, seed, count=60):
    """Share of held-out sums with the right answer, by sign."""
    rng, right, asked = random.Random(seed), {}, {}
    while min([asked.get(s, 0) for s in "+-"]) < count:
        a, sign, b, c = sums.numbers(rng)
        if sign == "*" or asked.get(sign, 0) == count or not corpus.held_out(f"{a}{sign}{b}"):
            continue
        asked[sign] = asked.get(sign, 0) + 1
        said = answer(model, tokenizer, f"What is {a} {sign} {b}?", 24)
        right[sign] = right.get(sign, 0) + (f"{a} {sign} {b} = {c}." in said or f" is {c}." in said)
    return {sign: right[sign] / count for sign in "+-"}


def samples(model, tokenizer):
    return [(prompt, answer(model, tokenizer, prompt)) for prompt in PROMPTS]


def main():
    tokenizer = Tokenizer.from_file(os.path.join(sys.argv[1], "tokenizer.json"))
    model = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    tokens = held_out_tokens(tokenizer, 8)
    print(f"held-out perplexity {math.exp(nll(model, tokens)):.4f} over {len(tokens)} tokens, sums {sums_right(model, tokenizer, 9)}")
    for prompt, reply in samples(model, tokenizer):
        print(f"> {prompt}\n{reply}\n")


if __name__ == "__main__":
    main()
