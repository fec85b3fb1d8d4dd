// The types of shapes.mjs, as far as tests need them.

/** A dense one. */
export interface Shape {
  readonly architecture: string;
  readonly theta: number;
  readonly epsilon: number;
  readonly dim: number;
  readonly ffn: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly context: number;
}

export function modelConfig(shape: Shape): object;
