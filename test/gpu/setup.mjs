// npm run setup:gpu-test: takes the drivers of `npm run test:gpu` from Debian, and says how to use them by hand.

import { drivers, prepareDriver } from "./drivers.mjs";

for (const driver of drivers.filter((name) => name !== "system")) {
  const { env, missing } = await prepareDriver(driver, (text) => console.error(`setup: ${text}`));
  if (missing) {
    console.error(`setup: ${missing}`);
    process.exit(1);
  }
  console.log(`# ${driver}`);
  for (const [name, value] of Object.entries(env)) console.log(`export ${name}='${value}'`);
}
