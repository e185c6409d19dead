/** Sizes of a SwiGLU expert: `hidden` H, `width` I. */
export interface ExpertShape {
  readonly hidden: number;
  readonly width: number;
}

/**
 * Weights of one expert, row-major float32: gate and up [I, H], down [H, I]. Neuron i is row i of both and column i.
 */
export interface ExpertWeights {
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
}
