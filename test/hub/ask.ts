// A program that asks a Hub and ends: run as a process of its own, since Node reads certificates only at its start.

import { follow } from "../../src/hub/http/http.js";
import { modelInfo } from "../../src/hub/info.js";
import { hubSettings } from "../../src/hub/settings.js";

/** Prints one line of JSON; ends by itself when no socket or timer holds it. */
async function main([what, argument]: string[]): Promise<object> {
  if (what === "info") return modelInfo(argument!);
  const reply = await follow({ url: argument! }, hubSettings());
  let bytes = 0;
  for await (const piece of reply.body) bytes += piece.length;
  return { status: reply.status, url: reply.url, bytes };
}

main(process.argv.slice(2)).then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => console.log(JSON.stringify({ code: error.code, message: error.message })),
);
