"""Trains the model that deadlift ships, models/tiny, from nothing but the text that its own scripts invent.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0
    /tmp/venv/bin/python models/train.py --out models/tiny --minutes 30

The corpus, the tokenizer and the order of batches depend only on --seed. With --steps instead of --minutes so does the
schedule. A run keeps its state in --work and goes on from there when it is started again with --resume.
Two Zen 4 cores train about 6,000 tokens a second (GLIBC_TUNABLES=glibc.malloc.hugetlb=1 helps); stories are fluent after
15 minutes, sums take longer.
"""
import argparse
import json
import math
import os
import random
import shutil
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

import card
import corpus
import evaluate
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
    if args.init:
        shutil.copy(os.path.join(args.init, "tokenizer.json"), token_file)
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


def token_ids(tokenizer):
    """Ids that the loss looks for."""
    one = lambda text: tokenizer.encode(text, add_special_tokens=False).ids[0]  # noqa: E731
    return dict(bos=1, start=3, assistant=one("assistant"), equals=one(" ="), digits=torch.tensor([one(d) for d in "0123456789"]))


def importance(ids, known):
    """Weight of every token: 0.3 for what users say (it cannot be guessed), 3 for the result of a sum, 1 for the rest."""
    starts = ids == known["start"]
    answers = torch.zeros_like(starts)
    answers[:, :-1] = starts[:, :-1] & (ids[:, 1:] == known["assistant"])
    marks = torch.where(starts & ~answers, 1, 2) * (starts | (ids == known["bos"]))  # 1 opens a question, 2 an answer or plain text
    place = torch.where(marks > 0, torch.arange(ids.shape[1]), 0).cummax(1).values
    weight = torch.where(marks.gather(1, place) == 1, 0.3, 1.0)
    after = torch.zeros_like(starts)
    for distance in (2, 3, 4):
        after[:, distance:] |= ids[:, :-distance] == known["equals"]
    return torch.where(after & torch.isin(ids, known["digits"]), 3.0, weight)


def loss_of(model, ids, known):
    """(loss to learn from, plain mean loss to show)."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    weight = importance(ids, known)[:, 1:].flatten()
    return (losses * weight).sum() / weight.sum(), losses.detach().mean().item()


def optimizers(model, peak):
    """Muon for the matrices, AdamW for the embedding (which is also the output) and the norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [torch.optim.Muon(matrices, lr=peak, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.95), weight_decay=0.0)]


def rate(progress, step):
    """Trapezoid: short warm-up, plateau, then down to nothing over the last 45 %."""
    return min(1.0, (step + 1) / 60, max(0.0, 1 - progress) / 0.45)


def train(args, tokenizer, tokens):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in folder.CONFIG.items() if k not in ("architectures", "torch_dtype")}))
    if args.init:
        model.load_state_dict(load_file(os.path.join(args.init, "model.safetensors")), strict=False)
    steppers, known = optimizers(model, args.rate), token_ids(tokenizer)
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
        loss, plain = loss_of(run, ids, known)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + ids.numel()
        mean = plain if mean is None else 0.95 * mean + 0.05 * plain
        if time.time() - shown > 10 or step == 1:
            shown, spent = time.time(), time.time() - start
            print(f"step {step}  loss {mean:.3f}  {seen / 1e6:.1f} M tokens  {seen / spent:.0f} tok/s  ETA {spent / max(progress, 1e-6) * (1 - progress) / 60:.1f} min", flush=True)
        if step % 400 == 0:
            torch.save(dict(model=model.state_dict(), steppers=[s.state_dict() for s in steppers], step=step, spent=time.time() - start, seen=seen), state_file + ".new")
            os.replace(state_file + ".new", state_file)
    return model, dict(steps=step, tokens=seen, minutes=(time.time() - start) / 60)


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
    parser.add_argument("--rate", type=float, default=4e-3, help="peak learning rate")
    parser.add_argument("--init", help="start from the weights and the tokenizer of this model folder")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    tokenizer, tokens = prepare(args)
    model, figures = train(args, tokenizer, tokens)
    model.eval()
    held_out = evaluate.held_out_tokens(tokenizer, args.seed + 7)
    figures["nll_f32"] = evaluate.nll(model, held_out)
    model.to(torch.bfloat16).float()
    figures["nll_bf16"], figures["held_out_tokens"] = evaluate.nll(model, held_out), len(held_out)
    figures["parameters"] = sum(p.numel() for p in model.parameters())
    figures["sums"] = evaluate.sums_right(model, tokenizer, args.seed + 8)
    samples = evaluate.samples(model, tokenizer)
    recipe = f"python models/train.py --out models/tiny --minutes {figures['minutes']:.0f}" + (" --init models/tiny" if args.init else "")
    weights = {name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.named_parameters()}
    folder.write(args.out, tokenizer, weights, card.text(figures, samples, recipe))
    print(json.dumps(figures), f"perplexity {math.exp(figures['nll_f32']):.3f} -> {math.exp(figures['nll_bf16']):.3f} in bf16", flush=True)
    for prompt, reply in samples:
        print(f"> {prompt}\n{reply}\n", flush=True)


if __name__ == "__main__":
    main()
