// The summary of a model card: the first sentences, without markup, whatever the card is made of.

import { describe, expect, it } from "vitest";
import { cardBytes, cardSummary } from "../src/inspect/card.js";

const sentence = "This is a language model that was trained on many books, and it answers questions.";

describe("the first sentences of a card", () => {
  it.each<[string, string, string | undefined]>([
    ["alone", sentence, sentence],
    ["after front matter", `---\nlicense: mit\ntags:\n- a\n---\n\n${sentence}\n`, sentence],
    ["with Windows line ends", `\uFEFF---\r\nlicense: mit\r\n---\r\n\r\n${sentence}\r\n`, sentence],
    [
      "after titles, badges and links",
      `# Model\n\nTitle\n=====\n\n[![b](x.svg)](y)\n\n[Paper](z)\n\n${sentence}`,
      sentence,
    ],
    ["over several lines", sentence.replaceAll(", ", ",\n"), sentence],
    [
      "after lists, tables, code and rules",
      `- one\n- two\n\n|a|b|\n|-|-|\n\n\`\`\`py\nx = 1.\n\`\`\`\n\n---\n\n${sentence}`,
      sentence,
    ],
    [
      "after a comment and a style",
      `<!-- This is a comment of some length that nobody sees. -->\n<style>p {}.</style>\n${sentence}`,
      sentence,
    ],
    ["in a quotation", `> [!NOTE]\n> ${sentence}`, sentence],
    [
      "with links, emphasis, code and entities",
      "**Bold** [Name](http://x.y/(z) `code` _soft_ a_b &lt;tag&gt; text.",
      "Bold [Name](http://x.y/(z) code soft a_b <tag> text.",
    ],
    [
      "with images and tags",
      'A <b class="x">big</b> model ![logo](l.png) of [ours](https://a.b "t").',
      "A big model of ours.",
    ],
    ["of two paragraphs", `${sentence}\n\n${sentence}`, `${sentence}\n${sentence}`],
    [
      "with escapes for a terminal",
      `A model\u001b[31m of \u0007red\u202e words and others.`,
      "A model [31m of red words and others.",
    ],
    ["nowhere: only titles", "# Model\n\n## Use\n\n- a\n- b\n", undefined],
    ["nowhere: nothing", "", undefined],
    ["nowhere: front matter without an end", `---\nlicense: mit\n${sentence}`, undefined],
    ["nowhere: a comment without an end", `<!-- ${sentence}`, undefined],
    [
      "nowhere: dashes",
      "- - -\n\n***\n\n......................................................................",
      undefined,
    ],
  ])("%s", (_, card, summary) => expect(cardSummary(card)).toBe(summary));

  it("are cut at a word after 600 characters", () => {
    const summary = cardSummary("word ".repeat(1000))!;
    expect(summary.length).toBeLessThanOrEqual(600);
    expect(summary).toMatch(/^(word )+word…$/);
    expect(cardSummary("\u{1F916}ab".repeat(500))).toMatch(/^(\u{1F916}ab)+\u{1F916}?a?…$/u);
  });

  it("come soon, however the card is made", () => {
    const parts = [
      "[",
      "![",
      "](",
      "<",
      "<style",
      "<!--",
      "**",
      "_",
      "&",
      "`",
      "```\n",
      "> ",
      "---\n",
      "\n",
      "a\u0301",
      "İ",
    ];
    for (const part of parts) {
      const card = part.repeat(Math.ceil((4 * cardBytes) / part.length));
      const summary = cardSummary(card);
      expect(summary === undefined || summary.length <= 600).toBe(true);
      expect(cardSummary(`${part.repeat(100)}\n\n${sentence}\n`) ?? "").not.toMatch(/\p{Cc}(?<!\n)/u);
    }
  });
});
