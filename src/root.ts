// Where this package lies: one folder above the sources, above dist/ and above the CommonJS twin.

import { fileURLToPath } from "node:url";

export const packageRoot: string = fileURLToPath(new URL("../", import.meta.url));
