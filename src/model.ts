// loadModel(): name -> files -> config -> program -> executable; and what a loaded model can do.

import { totalmem } from "node:os";
import { type Architecture, architectures, record } from "./architectures/index.js";
import type { CompileOptions, Executable } from "./backends/backend.js";
import { CpuBackend } from "./backends/cpu.js";
import { type ChatTemplate, chatTemplate, type Message, selectTemplate, type Tool } from "./chat/template.js";
import { DeadliftError, expected } from "./error.js";
import { type OpenedModel, openModel } from "./formats/open.js";
import { type GenerateOptions, generate, generateKeys, type Runtime } from "./generate.js";
import type { Generation } from "./generation.js";
import { checkChoice, checkInteger, checkKeys } from "./options.js";
import { fuse } from "./program/fuse.js";
import type { Program } from "./program/ops.js";
import { Scheduler } from "./scheduler.js";
import type { Tensor } from "./tensor.js";
import type { Tokenizer } from "./tokenizer/tokenizer.js";

export type { Architecture };
