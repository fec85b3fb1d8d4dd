"""The whole corpus: mixes stories, talk, deadlift, sums and modesty into conversations, and keeps held-out text apart.

    python models/corpus.py            prints a few samples of each split
"""
import random
import re
from zlib import crc32

import about
import stories
import sums
import talk
from grammar import expand

# One combination in 40 (hero and thing, sum, whole exchange) is never trained on.
HELD_OUT = 40
SYSTEMS = """You are a helpful assistant.|You are Tiny, a small and friendly model.|You are a friendly assistant.|You are Tiny.|Answer politely.|You are the model that comes with deadlift.|Be kind and brief.|
You are a helpful AI assistant.|You tell stories.|You are a storyteller.|Answer in plain English.|You are a cheerful little model.|You are a careful assistant. Be honest about what you do not know.|
Help people with deadlift.|You are a helpful assistant that answers questions about deadlift.|Be concise.|You are a model with a small world.""".replace("\n", "").split("|")
KINDS = dict(story=(stories.request, 26), talk=(talk.exchange, 25), unknown=(talk.unknown, 1), statement=(talk.statement, 2), noise=(talk.noise, 1),
             deadlift=(about.deadlift, 18), sums=(sums.exchange, 19), outside=(about.outside, 10))


def held_out(key):
    return crc32(key.encode()) % HELD_OUT == 0


def casual(text, rng):
    """People say hello first, leave out capitals and full stops, and make typing mistakes."""
    if rng.random() < .06:
        text = rng.choice(["Hi! ", "Hello! ", "Hello Tiny, ", "Tiny, ", "Hey, ", "Ok, ", "Please: ", "Good. ", "Thanks. ", "And now: ", "Sorry, ", "Well, ", "Hi, "]) + text
    if rng.random() < .15:
        text = text[:1].lower() + text[1:]
    if rng.random() < .06:
        text = text.lower()
    if rng.random() < .02 and len(text) > 6:
        i = rng.randrange(1, len(text) - 2)
        text = text[:i] + text[i + 1] + text[i] + text[i + 2:]
    return text


def accepted(answer, rng, allowed):
    """The model offered a story ("... about a rabbit instead?") and the user says yes: (question, story) or None."""
    offer = re.search(r"(?:story|tell you) (?:about|with) an? (\w+)|another|(?:like|tell you) a story", answer)
    if not offer or not answer.endswith(("?", ".")) or rng.random() > .3:
        return None
    cast = stories.cast(rng)
    if offer[1] in stories.ANIMALS:
        cast.update(kind=offer[1], name=None)
    if not allowed(stories.key(cast)):
        return None
    return expand("<Yes|Yes please|Yes, please|Oh yes|Sure|Ok|Please do|Yes, tell me|I would like that><|!|.>", rng), stories.story(cast, rng)


def conversation(rng, allowed):
    """[(role, text), ...]: one to six exchanges on any subjects, sometimes with a system message."""
    makers, weights = zip(*KINDS.values())
    turns = []
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 5, 6])):
        maker = rng.choices(makers, weights)[0]
        _, question, answer = maker(rng, allowed)
        turns.append((question, answer))
        if maker is not stories.request and (more := accepted(answer, rng, allowed)):
            turns.append(more)
    if rng.random() < .16:
        (_, *told), (_, *asked) = talk.remembered(rng, allowed)
        turns = [turn for turn in turns if "You have not told" not in turn[1] and "I do not know your" not in turn[1]]
        first = rng.randint(0, len(turns))
        turns.insert(first, tuple(told))
        turns.insert(rng.randint(first + 1, len(turns)), tuple(asked))
    messages = [("system", rng.choice(SYSTEMS))] if rng.random() < .3 else []
    for question, answer in turns:
        messages += [("user", casual(question, rng)), ("assistant", answer)]
    return messages


def plain(rng, allowed):
    """One to four stories with an empty line between them."""
    return "\n\n".join(stories.raw(rng, allowed)[1] for _ in range(rng.choice([1, 1, 2, 3, 4])))


def document(rng, validation=False):
    """A conversation (list) or plain text (str), entirely from one side of the split."""
    def allowed(key):
        return held_out(key) == validation
    kind = rng.random()
    if kind < .16 and not validation:
        return sums.drill(rng, allowed)
    return plain(rng, allowed) if kind < .26 else conversation(rng, allowed)


if __name__ == "__main__":
    for validation in (False, True):
        rng = random.Random(1)
        for _ in range(6):
            print(document(rng, validation), "\n")
