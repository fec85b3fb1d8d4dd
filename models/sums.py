"""Little sums: plus, minus and times with small numbers, in digits, in words and as little stories."""
from grammar import capital, expand
from stories import BOYS, GIRLS

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen""".split()
TENS = ". . twenty thirty forty fifty sixty seventy eighty ninety".split()
FRUIT = "apples|pears|marbles|cookies|coins|books|balloons|eggs|stickers|shells|buttons|carrots|kittens|candles".split("|")

ASK = """<What is|What's|How much is|Can you tell me|Please compute|Calculate|Do you know|Work out|Tell me,|what is> $sum<?|?||.>"""
BARE = "<$sum|$sum =|$sum = ?|$sum?|And $sum?|and $sum?|Now $sum|What about $sum?|Then $sum?>"
ANSWER = "<$sum = $c.|$sum = $c.|$sum = $c.|$sum is $c.|That is easy: $sum = $c.|Let me see: $sum = $c.|$sum = $c. Another one?|$sum = $c, I am quite sure.>"
TOO_BIG = " ".join("""<Those numbers are too big for me|That is too hard for me|Oh, big numbers! That is beyond me>. I <only do|can do> little sums: <plus and minus up to a hundred and times up to twelve|small numbers, plus, minus and times>.
 <Try|Ask me> $small.""".split())


def spell(n):
    """27 -> 'twenty-seven', up to 199."""
    if n < 0:
        return "minus " + spell(-n)
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("-" + ONES[n % 10] if n % 10 else "")
    return "one hundred" + (" and " + spell(n - 100) if n > 100 else "")


def numbers(rng):
    """(a, sign, b, result), mostly small; minus rarely goes below zero."""
    sign = rng.choice("++++---**")
    if sign == "*":
        a, b = rng.randint(0, 12), rng.randint(0, 12)
        return a, sign, b, a * b
    top = rng.choice([10, 10, 20, 20, 100])
    a, b = rng.randint(0, top), rng.randint(0, top)
    if sign == "+":
        return a, sign, b, a + b
    if b > a and rng.random() < .8:
        a, b = b, a
    return a, sign, b, a - b


def written(a, sign, b, c, rng):
    """How the question and the answer write the sum: (question form, answer form, result)."""
    style = rng.random()
    if style < .22 and max(a, b) <= 20:
        name = {"+": "plus", "-": "minus", "*": "times"}[sign]
        asked = f"{spell(a)} {name} {spell(b)}"
        return (asked, asked, spell(c)) if rng.random() < .5 else (asked, f"{a} {sign if sign != '*' else '×'} {b}", str(c))
    if style < .35:
        name = {"+": "plus", "-": "minus", "*": "times"}[sign]
        return f"{a} {name} {b}", f"{a} {'×' if sign == '*' else sign} {b}", str(c)
    shown = {"*": rng.choice("**x×")}.get(sign, sign)
    return (f"{a}{shown}{b}" if rng.random() < .2 else f"{a} {shown} {b}"), f"{a} {'×' if sign == '*' else sign} {b}", str(c)


def exchange(rng, allowed):
    """(key, question, answer)."""
    kind = rng.random()
    if kind < .06:
        return too_big(rng)
    while True:
        a, sign, b, c = numbers(rng)
        key = f"{a}{sign}{b}"
        if allowed(key):
            break
    if kind < .16 and sign != "*" and 0 < b and 0 <= c and a <= 40 and b <= 40:
        return (key, *little_story(a, sign, b, c, rng))
    asked, shown, result = written(a, sign, b, c, rng)
    if kind < .22 and sign != "*" and c >= 0:
        d = rng.randint(1, 10)
        if allowed(f"{c}+{d}"):
            return key, expand(ASK, rng, dict(sum=f"{a} {sign} {b} + {d}")), f"{a} {sign} {b} = {c}, and {c} + {d} = {c + d}."
    answer = expand(ANSWER, rng, dict(sum=shown, c=result))
    if not shown[0].isdigit():
        answer = answer.replace(" = ", " is ")
    return key, expand(ASK if rng.random() < .65 else BARE, rng, dict(sum=asked)), capital(answer)


def drill(rng, allowed):
    """A line of sums and nothing else: the densest practice there is."""
    found = []
    while len(found) < 24:
        a, sign, b, c = numbers(rng)
        if allowed(f"{a}{sign}{b}"):
            found.append(f"{a} {'×' if sign == '*' else sign} {b} = {c}.")
    return " ".join(found)


def little_story(a, sign, b, c, rng):
    who, she = (rng.choice(GIRLS), "She") if rng.random() < .5 else (rng.choice(BOYS), "He")
    things = rng.choice(FRUIT)
    me = rng.random() < .4
    more, less = ("get", "give away") if me else ("gets", "gives away")
    who, she, have, do = ("I", "I", "have", "do I") if me else (who, she, "has", f"does {who}")
    step = f"{more} {b} more" if sign == "+" else f"{less} {b}"
    question = f"{who} {have} {a} {things}. {she} {step}. How many {things} {do} have" + ("?" if rng.random() < .5 else " now?")
    you = "you have" if me else f"{who} has"
    return question, f"{a} {sign} {b} = {c}, so {you} {c} {things}."


def too_big(rng):
    a, b = rng.randint(200, 99999), rng.randint(13, 9999)
    form = rng.choice([f"{a} + {b}", f"{a} * {b}", f"{a} - {b}", f"{a} times {b}", f"{a} / {b}", f"{rng.randint(20, 99)} / {rng.randint(2, 9)}", f"the square root of {a}"])
    small = rng.choice(["7 + 5", "12 - 4", "6 × 7", "20 + 30", "3 × 3", "15 - 9"])
    return "big", expand(ASK, rng, dict(sum=form)), expand(TOO_BIG, rng, dict(small=small))
