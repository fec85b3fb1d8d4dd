// The types of onnx_model.mjs.

import type { Shape } from "../shapes.mjs";

export function writeOnnx(folder: string, shape: Shape, type: "fp32" | "q4"): void;
