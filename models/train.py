"""Trains the model that deadlift ships, models/tiny, from nothing but the text that its own scripts invent.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0
    /tmp/venv/bin/python models/train.py --out models/tiny --minutes 30

The corpus, the tokenizer and the order of batches depend only on --seed. With --steps instead of --minutes so does the
schedule. A run keeps its state in --work and goes on from there when it is started again with --resume.
Two Zen 4 cores train about 10,000 tokens a second; a useful model needs 15 minutes, this one had the time that its card names.
"""
import argparse
import json
import math
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

import card
import corpus
import folder

SHARD = 5000  # documents made by one task


def texts(seed, count, validation):
    rng = random.Random(seed)
    return [folder.text(corpus.document(rng, validation)) for _ in range(count)]


def encoded(seed, count, path):
    tokenizer = Tokenizer.from_file(path)
    encodings = tokenizer.encode_batch_fast(texts(seed, count, False), add_special_tokens=False)
    return np.concatenate([np.array(e.ids, dtype=np.uint16) for e in encodings])


def prepare(args):
    """Tokenizer and training tokens, made once and kept in --work."""
    os.makedirs(args.work, exist_ok=True)
    token_file, data_file = os.path.join(args.work, "tokenizer.json"), os.path.join(args.work, "tokens.npy")
    if not os.path.exists(token_file):
        folder.train_tokenizer(texts(args.seed, 15000, False)).save(token_file)
    if not os.path.exists(data_file):
        start = time.time()
        with ProcessPoolExecutor(args.threads) as pool:
            seeds = [args.seed * 1000 + 1 + i for i in range(args.documents // SHARD)]
            parts = list(pool.map(encoded, seeds, [SHARD] * len(seeds), [token_file] * len(seeds)))
        np.save(data_file, np.concatenate(parts))
        print(f"{args.documents} documents, {sum(map(len, parts)) / 1e6:.1f} M tokens in {time.time() - start:.0f} s", flush=True)
    return Tokenizer.from_file(token_file), np.load(data_file, mmap_mode="r")


def batches(tokens, length, count, rng):
    """Endless (count, length) batches of consecutive tokens from shuffled places; every epoch is shifted differently."""
    while True:
        shift = int(rng.integers(length))
        places = np.arange(shift, len(tokens) - length, length)
        rng.shuffle(places)
        for i in range(0, len(places) - count + 1, count):
            yield torch.from_numpy(np.stack([tokens[p:p + length] for p in places[i:i + count]]).astype(np.int64))


def loss_of(model, ids):
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())


def optimizers(model):
    """Muon for the matrices, AdamW for the embedding (which is also the output) and the norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [torch.optim.Muon(matrices, lr=4e-3, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0)]


def rate(progress, step):
    """Trapezoid: short warm-up, plateau, then down to nothing over the last 45 %."""
    return min(1.0, (step + 1) / 60, max(0.0, 1 - progress) / 0.45)


def train(args, tokens):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in folder.CONFIG.items() if k not in ("architectures", "torch_dtype")}))
    steppers = optimizers(model)
    peaks = [s.param_groups[0]["lr"] for s in steppers]
    state_file = os.path.join(args.work, "state.pt")
    step, spent, seen = 0, 0.0, 0
    if args.resume and os.path.exists(state_file):
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        for stepper, saved in zip(steppers, state["steppers"]):
            stepper.load_state_dict(saved)
        step, spent, seen = state["step"], state["spent"], state["seen"]
    rng = np.random.default_rng(args.seed + step)
    source, long_source = batches(tokens, args.length, args.batch, rng), batches(tokens, 1024, max(1, args.batch * args.length // 1024), rng)
    run = torch.compile(model) if args.compile else model
    start, shown, mean = time.time() - spent, time.time(), None
    while True:
        progress = step / args.steps if args.steps else (time.time() - start) / 60 / args.minutes
        if progress >= 1:
            break
        # The end of the training sees long windows, so that the whole context can be used.
        ids = next(long_source if progress > 0.85 else source)
        for stepper, peak in zip(steppers, peaks):
            for group in stepper.param_groups:
                group["lr"] = peak * rate(progress, step)
        loss = loss_of(run, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + ids.numel()
        mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
        if time.time() - shown > 10 or step == 1:
            shown, spent = time.time(), time.time() - start
            print(f"step {step}  loss {mean:.3f}  {seen / 1e6:.1f} M tokens  {seen / spent:.0f} tok/s  ETA {spent / max(progress, 1e-6) * (1 - progress) / 60:.1f} min", flush=True)
        if step % 400 == 0:
            torch.save(dict(model=model.state_dict(), steppers=[s.state_dict() for s in steppers], step=step, spent=time.time() - start, seen=seen), state_file + ".new")
            os.replace(state_file + ".new", state_file)
    return model, dict(steps=step, tokens=seen, minutes=(time.time() - start) / 60)


@torch.no_grad()
def nll(model, tokens, window=512):
    """Mean negative log-likelihood over consecutive windows; each predicts all of its tokens but the first."""
    model.eval()
    total, count = 0.0, 0
    for i in range(0, len(tokens) - window, window):
        ids = torch.from_numpy(tokens[i:i + window].astype(np.int64))[None]
        total += torch.nn.functional.cross_entropy(model(input_ids=ids).logits[0, :-1].float(), ids[0, 1:], reduction="sum").item()
        count += window - 1
    return total / count


@torch.no_grad()
def answer(model, tokenizer, prompt, limit=220):
    """Greedy answer to one chat message."""
    ids = tokenizer.encode(f"{folder.BOS}{folder.START}user\n{prompt}{folder.END}\n{folder.START}assistant\n", add_special_tokens=False).ids
    out = model.generate(torch.tensor([ids]), max_new_tokens=limit, do_sample=False, eos_token_id=[2, 4], pad_token_id=0)
    return tokenizer.decode(out[0, len(ids):].tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="models/tiny")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", default="/tmp/deadlift-tiny")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    tokenizer, tokens = prepare(args)
    model, figures = train(args, tokens)
    held_out = np.concatenate([np.array(tokenizer.encode(t, add_special_tokens=False).ids, dtype=np.uint16) for t in texts(args.seed + 7, 400, True)])
    figures["nll_f32"] = nll(model, held_out)
    model.to(torch.bfloat16).float()
    figures["nll_bf16"], figures["held_out_tokens"] = nll(model, held_out), len(held_out)
    figures["parameters"] = sum(p.numel() for p in model.parameters())
    samples = [(prompt, answer(model, tokenizer, prompt)) for prompt in card.PROMPTS]
    weights = {name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.named_parameters()}
    folder.write(args.out, tokenizer, weights, card.text(figures, samples))
    print(json.dumps(figures), f"perplexity {math.exp(figures['nll_f32']):.3f} -> {math.exp(figures['nll_bf16']):.3f} in bf16", flush=True)
    for prompt, reply in samples:
        print(f"> {prompt}\n{reply}\n", flush=True)


if __name__ == "__main__":
    main()
