"""The model folder as the Hub has it: tokenizer, configuration, weights and model card."""
import json
import os

from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

VOCAB = 2048
PAD, BOS, EOS, START, END = SPECIAL = ["<|pad|>", "<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>"]
# The pre-tokenizer of Qwen2: words with their leading space, and digits one by one, so that sums can be learned.
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEMPLATE = """{{- bos_token }}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
CONFIG = dict(
    architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=VOCAB, hidden_size=256, intermediate_size=768, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=64,
    max_position_embeddings=1024, rope_theta=10000.0, rms_norm_eps=1e-5, hidden_act="silu", attention_bias=False, mlp_bias=False, attention_dropout=0.0, initializer_range=0.02,
    tie_word_embeddings=True, pad_token_id=0, bos_token_id=1, eos_token_id=2, torch_dtype="bfloat16", use_cache=True)
# No repetition penalty: a sum repeats its numbers. The second stop id ends a chat turn.
GENERATION = dict(bos_token_id=1, eos_token_id=[2, 4], pad_token_id=0, do_sample=True, temperature=0.6, top_k=40, top_p=0.9, repetition_penalty=1.0)


def text(document):
    """A document with its special tokens: exactly what the chat template writes, then the end of the text."""
    if isinstance(document, str):
        return BOS + document + EOS
    return BOS + "".join(f"{START}{role}\n{content}{END}\n" for role, content in document) + EOS


def train_tokenizer(texts):
    """Byte-level BPE, special tokens first, then the 256 bytes, then merges: ids are contiguous."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{BOS}:0 $A:0", pair=f"{BOS}:0 $A:0 {BOS}:1 $B:1", special_tokens=[(BOS, 1)])])
    return tokenizer


def write(out, tokenizer, weights, card):
    """Writes every file of the folder; weights are {name: bf16 tensor}."""
    os.makedirs(out, exist_ok=True)
    token_config = dict(
        added_tokens_decoder={str(i): dict(content=token, lstrip=False, normalized=False, rstrip=False, single_word=False, special=True) for i, token in enumerate(SPECIAL)},
        bos_token=BOS, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False, model_max_length=CONFIG["max_position_embeddings"],
        tokenizer_class="PreTrainedTokenizerFast", chat_template=TEMPLATE)
    for name, value in [("config.json", CONFIG), ("generation_config.json", GENERATION), ("tokenizer_config.json", token_config),
                        ("special_tokens_map.json", dict(bos_token=BOS, eos_token=END, pad_token=PAD))]:
        with open(os.path.join(out, name), "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    tokenizer.save(os.path.join(out, "tokenizer.json"))
    save_file(weights, os.path.join(out, "model.safetensors"), metadata={"format": "pt"})
    os.chmod(os.path.join(out, "model.safetensors"), 0o644)
    with open(os.path.join(out, "README.md"), "w") as file:
        file.write(card)
