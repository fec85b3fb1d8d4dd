// Qwen 2 and 2.5 (dense): Llama's list, with biases on q, k and v, which its configuration states.

export { llama as qwen2 } from "./llama.js";
