"""The template language of the corpus: `<a|b>` chooses one side, `$slot` inserts a value; both may nest."""
import re
from functools import lru_cache

SLOT = re.compile(r"\$(\w+)")


@lru_cache(maxsize=None)
def parse(template):
    """Template -> tree: a tuple of strings and of lists of alternatives, each a tree again."""
    pos = 0

    def sequence(inside):
        nonlocal pos
        parts, text = [], []
        while pos < len(template):
            c = template[pos]
            if c == "<":
                pos += 1
                parts.append("".join(text))
                text = []
                parts.append(choices())
                continue
            if inside and c in "|>":
                break
            text.append(c)
            pos += 1
        parts.append("".join(text))
        return tuple(p for p in parts if p != "")

    def choices():
        nonlocal pos
        found = [sequence(True)]
        while template[pos] == "|":
            pos += 1
            found.append(sequence(True))
        pos += 1  # the closing >
        return found

    return sequence(False)


def walk(tree, rng, out):
    for part in tree:
        if isinstance(part, str):
            out.append(part)
        else:
            walk(part[int(rng.random() * len(part))], rng, out)


def expand(template, rng, slots=None):
    """One random reading of a template. Slot values are templates themselves."""
    for _ in range(6):
        out = []
        walk(parse(template), rng, out)
        template = "".join(out)
        if not slots or "$" not in template:
            break
        template = SLOT.sub(lambda m: slots.get(m[1], m[0]), template)
    template = re.sub(r" +", " ", template)
    return re.sub(r" (?=[.!?,](\s|$))", "", template).strip()


def article(noun):
    """'lantern' -> 'a lantern', 'old boat' -> 'an old boat'."""
    return ("an " if noun[0].lower() in "aeiou" and not noun.startswith(("uni", "use", "eu")) else "a ") + noun


def capital(text):
    return text[:1].upper() + text[1:]


def sentences(text):
    """Capitalises sentence starts, where templates insert lower-case slots; `"Oh!" said` stays as it is."""
    text = re.sub(r"([.!?] |\.\" )([a-z])", lambda m: m[1] + m[2].upper(), text)
    return capital(text)


def word(rng):
    """A made-up, pronounceable word: teaches the model to copy names it has never seen."""
    onset, vowel = "b c d f g h j k l m n p r s t v w z br cl dr fl gl gr pl sn tr".split(), "a e i o u oo ee".split()
    coda = " n l r m s x b ck nd".split(" ")
    return "".join(rng.choice(onset) + rng.choice(vowel) for _ in range(rng.choice([1, 2, 2]))) + rng.choice(coda)
