"""Short stories: sixteen plots over heroes, things, friends and places, and the requests that ask for them."""
from grammar import article, capital, expand, sentences, word

ANIMALS = """cat dog fox rabbit mouse bear owl hedgehog squirrel frog duck goose hen pig pony donkey goat sheep lamb cow otter
badger beaver mole turtle snail bee ant beetle butterfly cricket spider penguin seal whale dolphin crab octopus fish lion tiger
elephant giraffe monkey parrot crow robin sparrow swan wolf deer bat lizard dragon kitten puppy panda koala camel llama zebra
hippo yak raccoon moose seagull stork firefly ladybird caterpillar hamster""".split()
PEOPLE = """girl boy baker gardener sailor princess prince knight robot wizard witch farmer fisherman clockmaker painter pirate
king queen giant elf fairy grandmother grandfather teacher shepherd miller tailor postman musician inventor astronaut ghost
snowman troll librarian beekeeper shoemaker carpenter""".split() + ["lighthouse keeper", "train driver", "tin soldier"]
SHE, HE = {"girl", "princess", "queen", "witch", "grandmother", "hen", "cow", "fairy"}, {
    "boy", "prince", "king", "wizard", "grandfather", "fisherman", "postman", "snowman", "knight", "shepherd"}
TRAITS = """brave shy curious clever kind sleepy tiny lonely grumpy cheerful quiet patient proud stubborn gentle hungry lazy
busy young old silly polite careful clumsy dreamy friendly small big little wise nervous lucky forgetful merry""".split()
GIRLS = """Luna Mimi Bella Ruby Nora Daisy Ivy Rosie Willow Tilly Poppy Lily Coco Hazel Mabel Olive Penny Clara Wanda Maya Zoe Lena
Suki Dara Freya Juno Kira Nina Pia Anna Lucy Mia Ella Emma Sara Marie Stella Alma Greta Flora""".split()
BOYS = """Oscar Pip Max Felix Leo Hugo Otto Toby Sam Milo Jasper Finn Bruno Arlo Theo Rufus Gus Ned Basil Ravi Amir Kofi Igor Emil Lars
Omar Tom Ben Jack Noah Paul Emmet Walter Boris Casper Dino Edgar Monty""".split()
# Things by what they are good for: each kind has its own verbs below, so that a lantern shines and a drum does not.
THINGS = {
    "light": "lantern|candle|torch|lamp|jar of fireflies|string of lights|glowing stone|matchbox",
    "music": "drum|flute|violin|bell|trumpet|guitar|whistle|music box|harp|accordion|piano|tin horn",
    "tool": "rope|ladder|spade|bucket|hammer|broom|key|shovel|basket|net|wheelbarrow|wooden spoon|fishing rod|needle|toolbox",
    "ride": "boat|raft|sled|bicycle|balloon|cart|wagon|scooter|little train|rowing boat|flying carpet|rocket|paper plane|kite",
    "soft": "blanket|scarf|hat|pillow|coat|sweater|pair of mittens|sock|cloak|quilt|teddy bear|umbrella|pair of boots|tent",
    "food": "cake|pie|loaf of bread|apple|jar of honey|pumpkin|bowl of soup|pancake|basket of berries|cookie|carrot|pear|cheese|teapot",
    "paper": "map|book|letter|picture|diary|postcard|poem|recipe|newspaper|sheet of music|story book|drawing",
    "jewel": "coin|shell|pebble|star|button|ring|crown|marble|feather|pearl|mirror|clock|acorn|compass|silver spoon|golden egg|seed|ribbon|flower|telescope",
}
KINDS = [(kind, thing) for kind, all_of in THINGS.items() for thing in all_of.split("|")]
LOOKS = "old|red|blue|green|golden|silver|tiny|wooden|shiny|strange|beautiful|yellow|magic|dusty|broken|striped|crooked|purple|paper|giant".split("|")
PLACES = """the forest|the harbour|the meadow|the old mill|the village|the mountain|the beach|the market|the garden|the river|the castle|
the island|the valley|the lake|the library|the hill|the orchard|the snowy field|the cave|the lighthouse|the railway station|the attic|
the big city|the desert|the swamp|the windmill|the bakery|the tall tower|the bridge|the farm""".replace("\n", "").split("|")
# What a thing does: guide (lead somebody through danger), calm (help against fear), joy (an evening with it).
USES = {
    "light": ("$hero held the $thing up high, and <its light showed the way|everyone could see the path>.",
              "The $thing <glowed softly|shone like a small moon>, and the shadows <became small and friendly|were only trees after all>.",
              "They sat <together|side by side> in the <warm|golden|soft> light of the $thing"),
    "music": ("$hero <played|sounded> the $thing as loudly as $he could, and <they followed the sound|the sound led them home>.",
              "$hero played a <soft|slow|merry> tune on the $thing, and <the dark felt less dark|$his heart grew calm>.",
              "They <danced|sang> to the <sound|music> of the $thing"),
    "tool": ("$hero used the $thing <just as grandmother had shown $him|with both hands>, and <inch by inch|little by little> it worked.",
             "$hero held on to the $thing and <counted to ten|took a deep breath>. It helped.",
             "They <worked|built a small house> together with the $thing"),
    "ride": ("They all <climbed onto|held on to> the $thing, and <away they went|it carried them to safety>.",
             "With the $thing beside $him, $hero <felt as free as a bird|knew that $he could always go home>.",
             "They <travelled round the pond|went for a ride> with the $thing"),
    "soft": ("$hero <wrapped|tucked> the $thing around $friend, and <soon the shivering stopped|it was warm again>.",
             "$hero pulled the $thing <close|tight>, and <it felt like a hug|it smelled of home>.",
             "They <curled up|kept warm> together with the $thing"),
    "food": ("$hero shared the $thing, and <everyone felt strong again|with every bite they grew braver>.",
             "The smell of the $thing <made $him think of home|was so good that $he forgot to be afraid>.",
             "They ate <together|every last crumb> and saved a bit of the $thing for the birds"),
    "paper": ("$hero looked at the $thing <very closely|again>, and <there, in one corner, was the answer|suddenly it all made sense>.",
              "$hero looked at the $thing <until $his heart was quiet|and thought of everyone at home>.",
              "They read <aloud|quietly> and looked at the $thing"),
    "jewel": ("The $thing <gleamed|sparkled> in the sun, and <far away somebody saw it and came to help|it pointed the way>.",
              "$hero <held|pressed> the $thing in $his <paw|hand>, and <it felt warm and safe|somehow that was enough>.",
              "They took turns <holding|looking at> the $thing"),
    "odd": ("$hero <used|tried> the $thing, and <to everyone's surprise it worked|that was just what they needed>.",
            "$hero thought of the $thing and <smiled|felt a little braver>.",
            "They laughed and played with the $thing"),
}

OPEN = """<Once upon a time there <was|lived> $a_hero$named. |Once upon a time, near $spot, there lived $a_hero$named. |
In a <small|quiet> house <by|near> $spot lived $a_hero$named. |Long ago, <when the world was young|before there were trains>, $a_hero$named lived near $spot. |
There was once $a_hero$named who lived near $spot. |Far away, <behind|beyond> $spot, there lived $a_hero$named. >""".replace("\n", "")
DAY = "<One <morning|day|evening|afternoon>|One <rainy|sunny|windy|cold|foggy|snowy> <morning|day|evening|afternoon>|One <spring|summer|autumn|winter> day>"
FEEL = "<happy|glad|proud|warm inside|thankful|very pleased>"
END = """< From that day on, <they were the best of friends|they did everything together|nobody in $spot was ever lonely again>.|
 And $hero <never forgot that day|slept very well that night|smiled all the way home>.| And <that is why|so> the $thing still <hangs|stands|lies> <by the door|on the shelf|near the window> today.|
 $hero had learned that $moral.| "<I think|You see>," said $hero, "$moral."| And they all lived happily ever after.| The end.|>""".replace("\n", "")

# Each plot: how the thing enters, the middle, and what $hero learns from it.
PLOTS = {
    "lost": ("""$hero loved $his $thing more than anything. $DAY the $thing was gone! $hero looked <under the bed|behind the door|in every corner>, and then
 <in the garden|up the stairs|down by the well>, but it was <nowhere to be found|not there>. "<Oh dear|Oh no>," said $hero. <Just then|Soon> $a_friend came <along|by>. "<What is wrong|Why are you so sad>?"
 asked $friend. "<I have lost|I cannot find> my $thing," said $hero. Together they searched $spot until $friend <found it|saw it> <under a leaf|behind a big stone|in a puddle|beside an old tree>. $hero was so <happy|glad> that $he
 <hugged $friend|jumped up and down|laughed out loud>. $joy.""", "<two pairs of eyes see more than one|a friend is worth more than any $plain>"),
    "found": ("""$DAY on the way to $spot, $hero found $a_thing. "Whose $plain <can this be|is this>?" <$he wondered|asked $hero>. $hero asked <the baker|the postman|the old goose>, but
 <nobody knew|it was not theirs>. At last $he met $a_friend who was <crying|very sad|looking everywhere>. "<I have lost my $thing|My $thing is gone>," said $friend. $hero <wanted to keep it|liked it very much>, but $he
 <gave it back|held it out> <at once|with a smile>. "<Thank you|Oh, thank you>!" said $friend. "<Come and have tea with me|Will you be my friend|Shall we share it>?" $joy, and $hero felt $FEEL.""",
              "<giving back is better than keeping|honest hearts find good friends>"),
    "fear": ("""$hero was <afraid of|scared of> <the dark|thunder|the deep water|high places|the long night|strangers>, <and nobody knew it|but $he told nobody>. All $he had was $a_thing. $DAY $hero had to <cross|go all the way to> $spot
 <alone|all alone>. $His knees <shook|trembled>. <A twig snapped|Something rustled|The wind howled>. "<Who is there|Hello>?" <whispered|called> $hero. $calm Then out came $a_friend, who was <just as scared|lost and afraid>. "<Let us go together|Come with me>,"
 said $hero. <Step by step|Side by side> they walked on, and <before long|soon> they were <safe|home>. $hero was $FEEL.""", "<being brave means going on while your knees shake|everybody is afraid sometimes>"),
    "gift": ("""It was the birthday of $his friend, $friend, and $hero wanted to <give|bring> <something special|the best present in the world>. $He thought <for a long time|all night>. Then $he <took|remembered> $his own $thing and <wrapped it in leaves|tied a ribbon around it|polished it until it shone>.
 On the way to $spot, $hero <slipped|tripped> and <fell into a puddle|dropped it>. "<Oh no, it is ruined|Now it is dirty>," $he sighed. But $friend <smiled|laughed> and said, "<It is the best $plain I have ever had|You came all this way for me>!" $joy, and $hero felt $FEEL.""",
             "<a gift is big when the heart is in it|the best gift is to be there>"),
    "share": ("""$hero had $a_thing and <would not let anyone touch it|kept it all for $himself>. "<May I try|Can I see it>?" asked $a_friend. "No!" said $hero. "<It is mine|Go away>." So $friend went away <sadly|with a tear>. $hero sat <alone|by $himself> with the $thing,
 but <it was no fun|after a while $he felt lonely>. $DAY $hero went to $spot and <found|called> $friend. "<I am sorry|I was wrong>," said $hero. "<Would you like to try|Shall we share it>?" $Friend <smiled|nodded>. $joy, and it was <twice as much fun|much better than before>.""",
              "<sharing makes a thing bigger|a $plain is more fun with a friend>"),
    "contest": ("""Every year there was a great <race|contest|fair> at $spot. $hero <wanted to win|dreamed of winning>, and so $he practised with $his $thing every <day|evening>. "You will never win," said $a_friend. <But|Still,> $hero <only smiled|kept on trying>.
 On the big day $friend <ran too fast|was in such a hurry> and <fell into the mud|got stuck in a bush>. $hero could have gone on, but $he <stopped|turned back>. $guide They crossed the line <together|hand in hand>, and <everyone cheered|the crowd clapped>. "<You won after all|I was wrong about you>," said $friend.""",
                "<winning together is the best way to win|it is better to be kind than to be first>"),
    "journey": ("""$hero had always wanted to see $far. $DAY $he packed $a_thing and <a sandwich|two apples|a bit of cheese> and set off. The road was long. On the first day $he met $a_friend. "<Where are you going|May I come too>?" asked $friend. "<To $far|All the way to $far>," said $hero, "<come along|you may come too>."
 Then <a great storm came|the path ended|night fell>, and they did not know the way. $guide In the morning <the sun rose|the clouds parted> and there it was: $far, <as lovely as a dream|shining before them>. $hero felt $FEEL.""",
                "<the road is shorter with a friend|far away is not so far if you take one step at a time>"),
    "rescue": ("""<Everybody said that $hero was too small to help|Nobody thought that $hero could do anything great>. All $he owned was $a_thing. $DAY there was <a terrible storm|a flood|a thick fog|a lot of snow> at $spot. "Help!" cried $a_friend, who was <stuck in the mud|lost|trapped under a branch|cold and wet>. Nobody else <heard|came>.
 $hero did not <wait|stop to think>. $He <ran|hurried> there with the $thing. $guide "<You saved me|I will never forget this>!" said $friend. Now <everybody|the whole village> knew how <brave|strong> $hero was. That night there was a <party|feast>. $joy.""",
               "<even the small can do great things|you do not have to be big to help>"),
    "mystery": ("""Every night, $hero heard a strange <noise|tapping|humming> from $spot. <Tap, tap, tap|Hoo, hoo|Squeak, squeak>. <What could it be|Was it a monster>? $DAY $he took $a_thing and went to look. $calm The noise came <nearer|closer and closer>. And there, behind <a barrel|an old door|a bush>, sat $a_friend, <tapping with one foot|humming a song|snoring>.
 "<Did I wake you|I am sorry>," said $friend. "I <cannot sleep|feel so alone>." $hero laughed. "<So it was you|I thought you were a monster>!" $joy, and <after that nobody heard the noise again|then they both fell asleep>.""",
                "<most monsters are only lonely|it is good to go and look>"),
    "broken": ("""$hero had $a_thing that once belonged to $his <grandmother|grandfather|uncle|aunt>. $DAY <it fell|$he dropped it>, and it broke. $hero <cried and cried|was very sad>. "<I can help|Let me see>," said $a_friend, who lived near $spot. They worked <all day|until the stars came out> with <glue|string|tape> and a lot of patience. The first time <it fell apart again|it did not hold>.
 "<Let us try again|We must not give up>," said $friend. At last the $thing was <whole|as good as new>, with only a tiny crack. "<The crack makes it special|Now it has a story to tell>," said $hero. $joy.""",
               "<broken things can be mended|patience mends almost everything>"),
    "trade": ("""$hero was <poor|hungry> and had only $a_thing. $DAY $he went to $spot to <sell|trade> it. <A rich man|The king|A merchant> offered <a bag of gold|ten coins>, but then $hero saw $a_friend who <needed it more|was cold and sad>. "<Take it|You can have it>," said $hero, and <gave|handed> $friend the $thing. $friend <could not believe it|laughed for joy>.
 The next morning <there was a knock|somebody knocked> at the door. It was $friend, with <warm bread|a big pie|a basket of apples>. "<This is for you|I baked it for you>," said $friend. $hero felt $FEEL, and they ate <together|by the fire>.""", "<kindness comes back|a good deed is never small>"),
    "wish": ("""$hero wished <for just one thing|every night>: to <fly|see the moon|touch the stars|sing in front of everyone|make the whole village laugh>. "<That is impossible|You cannot do that>," said <the neighbours|everyone>. But $a_friend gave $him $a_thing and <whispered|said>: "<Try it at $spot|Go to $spot and believe>." So $DAY_l $hero went there.
 <At first nothing happened|The first time it went wrong>. $hero <sighed|nearly gave up>, then tried <again|once more>. $calm And then, <at last|slowly>, the wish came true! "<Look|See>!" called $hero. $friend <clapped|cheered>. $hero was $FEEL.""", "<wishes need a little patience|you must try more than once>"),
    "storm": ("""$DAY a <wild|terrible> wind blew over $spot and carried the hat of $a_friend high into a tree. "<My hat|Oh, my good hat>!" cried $friend. <The others|Everybody> laughed, but $hero did not. $He <fetched|went home and got> $his $thing. First $he tried it <this way|from the left>, then <that way|from the right>, and <on the third try|at last> the hat came down.
 "<How did you do that|You are so clever>!" said $friend. "<I only kept trying|It was nothing>," said $hero. $joy, and $hero felt $FEEL.""", "<trying three times is better than laughing once|a good idea does not have to be big>"),
    "shop": ("""$hero wanted to open a little shop at $spot. But all that $he had to sell was $a_thing. <All morning|For hours> nobody came. Then $a_friend looked in. "<What does the $plain cost|How much is the $plain>?" asked $friend. $hero thought about it. "<One story|One song|One smile>," said $hero. So $friend paid with <a long one|the best one there was>, and then <another friend|a second guest> came in, and then <ten more|the whole village>.
 <By evening|When the stars came out> the shop was full of laughter. $joy.""", "<some things cost only a smile|a shop is best when it is full of friends>"),
    "letter": ("""$DAY a letter lay in front of $hero's door. "<Come to $spot|Meet me at $spot>, and bring your $thing," it said, and nothing else. "<Who can that be|How strange>," said $hero, and <off $he went|went at once>. There stood $a_friend with <two cups of tea|a cake with one candle|a big basket>. "<You remembered|You really came>!" said $friend. "<Today it is a year since we met|I did not want to eat alone>."
 $hero had <forgotten all about it|never had such a nice surprise>. $joy, and $hero felt $FEEL.""", "<a small letter can make a big day|it is good to open the door>"),
    "swap": ("""$hero was tired of being $a_kind. "<If only I were|I wish that I were> $a_other," $he said to $a_friend. "<Then let us swap|Let us trade places> for a day," said $friend. So $hero slept in the bed of $friend, and $friend slept in the bed of $hero, with the $thing under the pillow. <But everything was strange|Nothing was as it should be>: the <soup was too cold|bed was too short|chair was too high>, and <there was nobody to say good night|the stairs creaked>.
 <In the middle of the night|Before the sun rose> they met at $spot, and both had to laugh. "<My own bed is the best|Home is best>," said $hero. $joy.""", "<it is good to be who you are|your own life fits you best>"),
}
PLOTS = {name: (" ".join(plot[0].split()), plot[1]) for name, plot in PLOTS.items()}


def cast(rng):
    """Who, with what, and where: the part of a story that a request can name."""
    kind = rng.choice(ANIMALS) if rng.random() < .62 else rng.choice(PEOPLE)
    use, thing = rng.choice(KINDS)
    if rng.random() < .08:
        kind = word(rng)
    if rng.random() < .08:
        use, thing = "odd", word(rng)
    trait = rng.choice(TRAITS) if rng.random() < .75 else ""
    she = kind in SHE or (kind not in HE and rng.random() < .5)
    name = None if rng.random() < .45 else capital(word(rng)) if rng.random() < .35 else rng.choice(GIRLS if she else BOYS)
    look = rng.choice(LOOKS) if rng.random() < .3 and " " not in thing else ""
    return dict(kind=kind, she=she, trait=trait, name=name, use=use, plain=thing, thing=f"{look} {thing}".strip(), spot=rng.choice(PLACES))


def key(c):
    """The combination that decides between training and held-out text."""
    return f"{c['kind']}|{c['plain']}"


def story(c, rng):
    """A story of about 60 to 150 words for a cast."""
    friend = rng.choice([a for a in ANIMALS + PEOPLE if a != c["kind"]])
    friend_trait = rng.choice(TRAITS)
    she = c["she"]
    guide, calm, joy = USES[c["use"]]
    plot, moral = PLOTS[c.get("plot") or rng.choice(list(PLOTS))]
    hero = c["name"] or "the " + c["kind"]
    slots = dict(
        hero=hero, a_hero=article(f"{c['trait']} {c['kind']}".strip()),
        named=rng.choice([" named ", " called "]) + c["name"] if c["name"] else "",
        he="she" if she else "he", him="her" if she else "him", his="her" if she else "his", himself="herself" if she else "himself",
        He="She" if she else "He", His="Her" if she else "His",
        friend="the " + friend, Friend="The " + friend, a_friend=article(f"{friend_trait} {friend}"),
        thing=c["thing"], a_thing=article(c["thing"]), plain=c["plain"], spot=c["spot"], far=rng.choice([p for p in PLACES if p != c["spot"]]), guide=guide, calm=calm, joy=joy, moral=moral,
        a_kind=article(c["kind"]), a_other=article(friend),
        FEEL=FEEL, DAY=DAY + ",", DAY_l="<the next morning|one day|that very night>")
    return sentences(expand(OPEN + plot + END, rng, slots))


ASK = """<Tell me|Please tell me|Can you tell me|Could you tell me|Write|Please write|Write me|Make up|I want|I would like|I'd like|Give me|Invent|Let me hear|How about> a
 <|short |little |nice |bedtime |funny |sweet |cute ><story|story|story|tale|fairy tale>$about<.|.|!|?||, please.| please>"""
ASK = " ".join(ASK.split())
ABOUT = {
    "both": "< about $a_hero$named and $a_thing| about $a_hero$named and $a_thing| with $a_hero and $a_thing in it| about $a_hero, $a_thing and $spot| of $a_hero and $a_thing>",
    "verb": " about $a_hero$named who $verb $a_thing",
    "hero": "< about $a_hero$named| about $a_hero$named| about $a_hero$named near $spot| for my <son|daughter|sister|brother> about $a_hero$named| about my $kind$named>",
    "bare": "< about $kind and $plain| with $kind and $plain| about $kind>",
    "thing": "< about $a_thing| with $a_thing in it| that has $a_thing in it>",
    "place": "< about $spot| that happens <near|at> $spot>",
    "none": "<| to make me smile| before I go to sleep| to cheer me up|, anything you like>",
}
# What a request says that the hero does, and the plot in which it happens.
VERBS = dict(finds="found", loses="lost", shares="share", repairs="broken", sells="trade", breaks="broken", wins="contest")
DIRECT = """<A story about $a_hero and $a_thing|$a_hero and $a_thing, please|$a_hero and $a_thing|$kind, $plain|Story: $a_hero, $a_thing|About $a_hero and $a_thing|It should be about $a_hero|About $a_hero, please|
The hero is $a_hero, and there is $a_thing|Something with $a_hero and $a_thing|Once upon a time there was $a_hero. What happened next?>""".replace("\n", "")
LEAD = """<||||||<Gladly|Of course|With pleasure|Sure|Here is one|Certainly>! |<Here is|This is> a story <for you|about $a_hero>. |<Sit down and listen|Make yourself comfortable>. >"""


def request(rng, allowed):
    """(key, question, story): the story uses whatever the question names."""
    c = cast(rng)
    while not allowed(key(c)):
        c = cast(rng)
    slots = dict(a_hero=article(f"{c['trait']} {c['kind']}".strip()), a_thing=article(c["thing"]), spot=c["spot"], kind=c["kind"], plain=c["plain"],
                 named=rng.choice([" named ", " called "]) + c["name"] if c["name"] else "")
    form = rng.choice(["both"] * 6 + ["hero"] * 4 + ["verb", "bare", "thing", "thing", "place", "none", "none"])
    if form == "verb":
        slots["verb"] = rng.choice(list(VERBS))
        c["plot"] = VERBS[slots["verb"]]
    slots["about"] = ABOUT[form]
    question = expand(DIRECT if rng.random() < .1 else ASK, rng, slots)
    return key(c), capital(question), f"{expand(LEAD, rng, slots)} {story(c, rng)}".strip()


def raw(rng, allowed):
    """(key, story) without a request, for plain continuation."""
    c = cast(rng)
    while not allowed(key(c)):
        c = cast(rng)
    return key(c), story(c, rng)
