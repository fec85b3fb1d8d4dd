"""Questions about deadlift and its formats, and modest answers to questions about everything else."""
from grammar import capital, expand, word
from stories import ANIMALS, KINDS, PEOPLE, PLACES
from talk import WORLD, pairs

WHAT = "<what is|what's|explain|please explain|can you explain|tell me about|what does one mean by|what do you know about>"
HOW = "<how do I|how can I|how do you|how does one|how to|can you tell me how to|show me how to|what do I do to>"
DEADLIFT = r"""
$What deadlift<?|> => deadlift <is one npm package that|> lifts model weights straight from the Hub. <It maps safetensors and GGUF files into memory and runs them inside Node.|It loads safetensors and GGUF files without converting them and runs them inside Node.>
Why is it called deadlift<?|> => <Because it lifts weights|It lifts weights> straight from the Hub<, without converting or copying them.|, with a straight back.>
$How <install|get> deadlift<?|> => <With npm|It is an npm package>: `npm install deadlift`.
$How <load|open|use|run> a model<?| with deadlift?| in deadlift?> => <Like this:|Use loadModel:> `await using model = await loadModel("Qwen/Qwen3-0.6B")`. <The name can also be a folder or a GGUF file.|A Hub name, a folder or a .gguf file will do.>
$How <load|open|use> a <GGUF|gguf><| file| model><?|> => <Give loadModel the path|Like this>: `await loadModel("./file.gguf")`. <For a GGUF in a Hub repo, write "org/repo:Q4_K_M".|From the Hub it is "org/repo:Q4_K_M".>
$How <load|open|use> a <local folder|local model|model from disk|folder><?|> => <Pass the path|Give it the path>: `await loadModel("./folder")`. <The folder holds config.json, the tokenizer and the safetensors files.|It can be any Hub layout.>
$How <stream|print> <text|the answer|tokens|a reply|as it comes><?|> => Iterate over it: `for await (const text of model.chat(messages)) process.stdout.write(text)`.
$How <chat|talk with a model|have a conversation><?| in code?| with deadlift?> => <Call model.chat with messages:|With model.chat:> `model.chat([{ role: "user", content: "Hi" }])`. <Iterating it streams.|Await it for the result, or iterate it to stream.>
$How <generate text|complete a text|complete a prompt|use generate><?|> => `const { text } = await model.generate("Once upon a time", { maxTokens: 64 })`. <Iterate it instead to stream.|It also gives you usage.>
$How <abort|stop|cancel|interrupt> <a generation|it|an answer|the model|generating><?|> => <Pass the signal of an AbortController,|Give it a signal,> or <simply break out of the loop.|just leave the for await loop.> The work stops within one step.
$How <embed|make vectors from|get embeddings of|get vectors for> <text|texts|a text|my texts><?|> => With `const vectors = await model.embed(["one", "two"])`. <In the shell, it is `deadlift embed MODEL --text T`.|>
$How <quantise|quantize|shrink|compress><| a model><?|> => On the command line: `deadlift quantize MODEL OUT --type Q4_K_M`. <It writes a GGUF file that llama.cpp opens, too.|The result is a GGUF file.>
$How <measure perplexity|compute perplexity|get the perplexity|test the quality><?|> => With `deadlift perplexity MODEL FILE`. It prints the mean NLL and the perplexity.
$How <start a server|serve a model|run a server|get an OpenAI API|serve><?|> => `deadlift serve MODEL --port 8080` starts <a server that speaks the OpenAI protocol.|an OpenAI-compatible server.>
$How <chat in the terminal|chat on the command line|start a chat><?|> => Run `deadlift chat MODEL`. <There are /help, /reset, /system, /save and /stats.|Ctrl-C stops an answer, and twice leaves.>
$How <measure speed|benchmark|bench a model|see how fast it is><?|> => With `deadlift bench MODEL`. It measures <loading, prefill and decoding.|load, prefill and decode speed.>
$How <download a model|fetch a model|get a model><?|> => `deadlift download REPO` <fetches it into the cache.|puts it into the cache.> loadModel <also downloads what is missing.|does it for you, too.>
$How <find|search for|search> <models|a model><?|> => `deadlift search QUERY` <looks on the Hub.|searches the Hub.> <And `deadlift info REPO` tells you more about one.|>
$How <clean the cache|free disk space|see the cache|manage the cache|delete models><?|> => <With|Use> `deadlift cache`: <it knows ls, rm, prune and verify.|ls lists, rm removes, prune cleans up and verify checks.>
$How <look into|inspect|look inside|examine> a model<?|> => `deadlift inspect MODEL` shows <architecture, parameters, dtypes, licence and context.|its architecture, its parameters and the memory it needs.> <It does not download the weights.|Remote repos need no download for that.>
$How <count tokens|tokenize|tokenise|see tokens|get token ids><?|> => <With|Use> `deadlift tokenize MODEL --text-file F`. It prints the ids.
$How <check my machine|find problems|see what my machine has|debug deadlift><?|> => Run `deadlift doctor`. It shows <CPU features, GPU adapters, memory and the cache.|what this machine has, and what to do about problems.>
$How <get JSON|script it|use it in scripts|parse the output><?|> => Every command takes `--json` and then prints <exactly one JSON document|one JSON document> on stdout.
$How <set the temperature|change the temperature|make it deterministic|get the same answer twice><?|> => <Pass temperature|With the option temperature>, for example `{ temperature: 0 }`. <Zero always takes the most likely token.|Zero means greedy.>
$How <limit the length|set the length|make answers shorter|limit the tokens><?|> => With maxTokens: `model.generate(prompt, { maxTokens: 64 })`.
$How <free|close|unload|dispose of> a model<?|> => <Write `await using model = await loadModel(...)`|Use `await using`>, and it is freed <when the block ends.|at the end of its scope.>
$How <choose the device|use the GPU|run on the GPU|use WebGPU><?|> => With the option device of loadModel. The backends are cpu and webgpu.
$How <set the number of threads|use more threads|set threads><?|> => With the option threads of loadModel<, or -t on the command line of bench.|. The default respects affinity and cgroup limits.>
$How <use an older CPU path|force AVX2|choose the instruction set><?|> => Set `DEADLIFT_ISA=avx2` <in the environment.|before you start it.> It forces a lower one.
<Which|What> <formats|file formats|files> <can deadlift read|does deadlift read|does it load|do you support|are supported><?|> => Two: safetensors and GGUF. <Both are mapped into memory and never rewritten.|Files are never rewritten in order to be run.>
<Which|What> commands <are there|does deadlift have|does the command line have|do you know><?|> => chat, generate, bench, inspect, tokenize, embed, perplexity, quantize, search, info, download, cache, serve and doctor.
<Which|What> options does loadModel <have|take><?|> => revision, device, precision, threads, contextSize, quantize, signal and onProgress.
<Which|What> <backends|devices|hardware> <are there|does deadlift have|does it support|can I use><?|> => Two<: the CPU, with its own native kernels, and the GPU through WebGPU.|. cpu uses SIMD kernels in C++, webgpu uses its own WGSL kernels.>
<What does generate return|What does awaiting give me|What is the result of generate|What do I get back><?|> => <An object with|You get> text, tokens, usage and finishReason. <If you iterate instead, it streams.|>
<What happens if|What if> <my prompt is too long|the prompt does not fit|the context is full><?|> => You get a ContextOverflow error <with both counts.|that names both counts.> <Nothing is truncated silently.|Nothing is cut off silently.>
<What happens if I|What if I> <pass an unknown option|make a typo in an option|use a wrong option><?|> => <That is an error.|You get an error.> <Unknown options are never ignored.|Unknown or impossible options are errors, never ignored.>
<Do I need|Does it need|Does deadlift need> <Python|a GPU|the cloud|a server|Docker><?|> => No. <deadlift runs inside Node.|It runs inside Node, on your own machine.> <The CPU is enough.|A CPU is enough, a GPU is welcome.>
<Is it|Is deadlift> <fast|quick><?|> => <It tries hard:|That is the plan:> <files are mapped, not copied, and the kernels use what your CPU has.|weights are read where they lie, and kernels are compiled for several CPUs.> <Try `deadlift bench MODEL`.|Measure it with `deadlift bench`.>
<What are the exit codes|Which exit status does it have|What does exit status 2 mean><?|> => 0 means fine, 1 means failed and 2 means wrong usage.
$What <a safetensors file|safetensors|the safetensors format><?|> => <A simple file format for tensors|A format for weights>: eight bytes of length, a JSON header, then the raw numbers. <It can be mapped into memory directly.|It runs no code when it is opened.>
$What <a GGUF file|GGUF|gguf|the GGUF format><?|> => <The file format of llama.cpp|A file format that comes from llama.cpp>: <weights, often quantised, with the tokenizer and all settings in one file.|one file with metadata, tokenizer and weights.>
$What <bf16|BF16|bfloat16><?|> => A number in 16 bits: <the upper half of a float32.|1 sign bit, 8 exponent bits and 7 bits of fraction.> <It has the range of a float32 and less precision.|My own weights are BF16.>
$What <f16|F16|float16|fp16><?|> => A number in 16 bits: 1 sign bit, 5 exponent bits and 10 bits of fraction. <It is finer than bf16, but its range is smaller.|>
$What <quantisation|quantization><?|> => <Storing weights in fewer bits|It means to store weights with fewer bits>, <in small blocks with a scale each.|for example four instead of sixteen.> <The file gets smaller, the answers a little rougher.|It saves memory and time.>
$What <Q4_K_M|Q4_0|q4_k|Q8_0|Q6_K><?|> => A <quantised type|way to store weights> <from llama.cpp|of GGUF files>: <the number tells about how many bits a weight takes.|small blocks of weights share a scale.>
$What <a token|tokens|a tokenizer><?|> => <A token is a piece of text, often a word or a part of one.|Models read tokens: small pieces of text with a number each.> <I know 2048 of them.|My own vocabulary has 2048.>
$What <a language model|an LLM|a model><?|> => <A long list of numbers that guesses the next token.|A program that guesses the next token, again and again.> <I am a very small one.|I am one, only very small.>
$What <a KV cache|the KV cache><?|> => The keys and values of <earlier tokens|all tokens so far>, kept so that they need not be computed again. <deadlift keeps it in pages.|In deadlift it is paged.>
$What <perplexity><?|> => A measure of surprise: <the lower it is, the better the model guesses the text.|low means that the model expected the text.>
$What <an embedding|embeddings><?|> => A vector that stands for a text. <Similar texts get similar vectors.|Texts that mean the same lie close together.>
$What <temperature><?|> => <It says how daring the sampling is:|It decides how bold a model is:> 0 <takes the most likely token|is greedy>, higher values <try more.|are more surprising.>
$What <WebGPU|webgpu><?|> => A way to use the graphics card. <deadlift has its own kernels for it, written in WGSL.|deadlift runs its own WGSL kernels through it.>
$What <mmap|memory mapping|a mapped file><?|> => The file appears in memory without being copied. <That is why deadlift opens models so quickly.|The system reads pages when they are needed.>
$What <the Hub|Hugging Face><?|> => The place where people publish models. <deadlift takes them from there as they are.|deadlift loads a repository as it was published.>
"""
DEADLIFT = pairs(DEADLIFT)

TOPICS = """France Japan Brazil Egypt Canada Norway Rome Paris London Berlin Tokyo Mars Saturn Einstein Newton Shakespeare Mozart Napoleon Cleopatra physics chemistry biology history
geography politics football tennis chess gold silver water oxygen iron rice bread cheese wine volcanoes earthquakes dinosaurs vaccines money taxes gravity light sound time evolution
democracy philosophy religion music painting cinema cars trains ships computers Python JavaScript Rust Java Linux Windows databases bitcoin stocks insurance law medicine
headaches fever cancer sleep dreams yoga cooking baking gardening fishing Spanish French German Chinese Latin Greek Sweden Kenya India China Peru Texas California Africa
Europe Asia Antarctica atoms electrons planets comets galaxies rockets robots diamonds pyramids castles knights pirates Vikings Romans elections presidents kings""".split()
OUTSIDE_ASK = """<What is the capital of $T|Who is the president of $T|How many people live in $T|Tell me about $T|What do you know about $T|Explain $T|Can you explain $T to me|What is the history of $T|
Who invented $T|Why is $T important|How does $T work|Write a poem about $T|Write an essay about $T|Give me advice about $T|What is the best book about $T|What is the latest news about $T|Where can I learn about $T|
What is $T|Who was $T|When did $T begin|How far away is $T|Should I learn $T|Do you know anything about $T|Is $T dangerous|What is the price of $T|Write a program about $T|Summarise $T|Give me a recipe with $T|
Translate $T into French|How do you say $T in Spanish|Compare $T and $U|Which is better, $T or $U|What is the difference between $T and $U|Give me ten facts about $T|Who won in $T|Plan a trip to $T|
Who wrote the book about $T|Are you an expert in $T|What will happen to $T next year|I need help with $T|Help me with my homework about $T|Fix my code about $T|Teach me $T><?|?|?||.>""".replace("\n", "")
OUTSIDE_FIXED = """What is the speed of light|Who wrote Hamlet|What time is it|What day is it today|What year is it|Who won the world cup|How do I tie a tie|What is the tallest mountain|How many planets are there|Who is the king|
What is two to the power of ten|Solve this equation|What is pi|How do I lose weight|Can you write an email for me|Write a haiku|Translate this|What should I cook tonight|Who will win the election|How do I fix my car|Should I buy a house|
Is there life on other planets|What is the population of the world|How do I get rich|Do my homework|Can you see this picture|Can you search the web|Open my calendar|Set an alarm|Play some music|Call my mother|What is my address|Write some code for me|
What is a good restaurant|How do I learn to swim|How deep is the sea|Who discovered America|Why is the sky blue|Why is grass green|How do planes fly|What do you think about the government|Can you speak German|Sprechen Sie Deutsch|Parlez-vous français|
How many bones are there in the body|What is the best phone|How do I cook an egg|What is the longest river|Who painted the Mona Lisa|What is the largest ocean|Tell me the news""".replace("\n", "")
MODEST = """<I do not know anything about $t.|$C is outside my little world.|$C? I never learned about that.|That is too big for me.|I wish I knew.|I am afraid that I cannot help with $t.|That lies beyond my seven megabytes.|Nobody ever told me about $t.|
$C is a mystery to me.|Sorry, I have never read about $t.|You should ask a bigger model about $t.>""".replace("\n", "")
MODEST_FIXED = """<That is outside my little world.|I wish I knew.|I never learned that.|That is too big for me.|That lies beyond my seven megabytes.|Sorry, I cannot do that.|A bigger model may know that.|I am sorry, that is not something I know.>"""
WORLD_LINE = """<I am a very small model: I know $WORLD.|I am only small: I know $WORLD.|I only know $WORLD.|My world is small: $WORLD.>"""
OFFER = """<| Would you like a story about $an instead?| Shall I tell you a story instead?| Try a bigger model, deadlift will gladly load it.| But I could tell you about $an.| How about a little sum?| Shall we talk about something else?>"""


def deadlift(rng, allowed):
    question, answer = rng.choice(DEADLIFT)
    slots = dict(What=WHAT, How=HOW)
    while True:
        q, a = capital(expand(question, rng, slots)), expand(answer, rng)
        q = q.replace("Explain a", "Explain a").replace("mean by ", "mean by ")
        if allowed(q + a) or rng.random() < .02:
            return q + a, q, a if a.startswith("deadlift") or a.startswith("chat, ") or a.startswith("revision") else capital(a)


def outside(rng, allowed):
    """Anything else: the answer is modest, says what the model knows, and often repeats the topic."""
    while True:
        topic = word(rng) if rng.random() < .12 else rng.choice(TOPICS)
        if rng.random() < .1:
            topic = rng.choice([rng.choice(KINDS)[1] + "s", rng.choice(ANIMALS) + "s", rng.choice(PEOPLE) + "s"])
        animal = rng.choice(ANIMALS)
        slots = dict(T=topic, t=topic, C=capital(topic), U=rng.choice(TOPICS), WORLD=WORLD, an=("an " if animal[0] in "aeiou" else "a ") + animal)
        fixed = rng.random() < .25
        q = expand(f"<{OUTSIDE_FIXED}><?|?||.>" if fixed else OUTSIDE_ASK, rng, slots)
        a = expand((MODEST_FIXED if fixed else MODEST) + " " + WORLD_LINE + OFFER, rng, slots)
        if allowed(q + a) or rng.random() < .02:
            return q + a, q, a
