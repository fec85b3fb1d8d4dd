// Chooses the chat template among those a model carries.

import { DeadliftError } from "../error.js";

export interface NamedTemplate {
  /** "default", or what it is for: "tool_use", "rag". */
  readonly name: string;
  readonly template: string;
}

/**
 * The template called `name`; without a name "tool_use" when there are tools, otherwise "default". A single template
 * serves for everything, whatever it is called. Throws NoChatTemplate with the names that there are.
 */
export function selectTemplate(
  templates: readonly NamedTemplate[],
  choice: { readonly name?: string | undefined; readonly tools?: boolean | undefined } = {},
): NamedTemplate {
  const wanted = choice.name !== undefined ? [choice.name] : choice.tools ? ["tool_use", "default"] : ["default"];
  if (choice.name === undefined && templates.length === 1) return templates[0]!;
  for (const name of wanted) {
    const found = templates.find((template) => template.name === name);
    if (found) return found;
  }
  const names = templates.map(({ name }) => `"${name}"`).join(", ");
  const received = templates.length === 0 ? "a model without chat templates" : `one with ${names}`;
  throw new DeadliftError("NoChatTemplate", `expected a chat template called "${wanted[0]}", received ${received}`);
}
