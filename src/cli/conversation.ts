// What has been said so far, the model's next answer to it, and the figures of both.

import {
  type ChatOptions,
  DeadliftError,
  type FinishReason,
  type GenerateOptions,
  type Generation,
  type GenerationResult,
  type Message,
  type Model,
} from "../index.js";

export interface ConversationOptions {
  readonly options: GenerateOptions;
  readonly system: string | undefined;
  readonly trustContent: boolean;
}

export class Conversation {
  readonly options: GenerateOptions;
  /** Instructions for the model, before everything that is said. */
  system: string | undefined;
  /** Result of the latest answer that was not stopped. */
  last: GenerationResult | undefined;
  answers = 0;
  tokens = 0;
  #said: Message[] = [];
  readonly #trustContent: boolean;

  constructor(
    readonly model: Model,
    { options, system, trustContent }: ConversationOptions,
  ) {
    this.options = options;
    this.system = system;
    this.#trustContent = trustContent;
  }

  get messages(): Message[] {
    const system = this.system === undefined ? [] : [{ role: "system", content: this.system }];
    return [...system, ...this.#said];
  }

  /** Tokens of context that the latest turn ended with. */
  get contextTokens(): number {
    return this.last && this.#said.length > 0 ? this.last.usage.promptTokens + this.last.usage.completionTokens : 0;
  }

  get isFull(): boolean {
    return this.contextTokens >= this.model.contextSize;
  }

  /** Forgets what was said; the instructions stay. */
  reset(): void {
    this.#said = [];
  }

  /**
   * Answers, piece by piece. A stopped answer stays as far as it came; one that failed leaves no trace.
   * @throws DeadliftError ContextOverflow and whatever else the model throws
   */
  async answer(text: string, show: (piece: string) => void, signal: AbortSignal): Promise<FinishReason | "stopped"> {
    const question: Message = { role: "user", content: text };
    const generation = this.#start(question, { ...this.options, signal });
    let said = "";
    try {
      for await (const piece of generation) {
        said += piece;
        show(piece);
      }
      this.last = await generation;
      this.answers++;
      this.tokens += this.last.usage.completionTokens;
      this.#keep(question, said);
      return this.last.finishReason;
    } catch (error) {
      if (!(error instanceof DeadliftError) || error.code !== "Aborted") throw error;
      if (said !== "") this.#keep(question, said);
      return "stopped";
    }
  }

  /** Without a chat template each text stands alone and is continued. */
  #start(question: Message, options: ChatOptions): Generation {
    if (!this.model.canChat) return this.model.generate(question.content as string, options);
    return this.model.chat([...this.messages, question], { ...options, trustContent: this.#trustContent });
  }

  #keep(question: Message, said: string): void {
    this.#said.push(question, { role: "assistant", content: said });
  }
}
