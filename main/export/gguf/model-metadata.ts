import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { modelKeys } from '../../checkpoint/gguf/gguf-keys.ts';
import type { GgufValue } from '../../checkpoint/gguf/gguf-metadata.ts';
import type { LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';
import { type GgufType, ggufTypes } from '../../contract/export.ts';

/** `general.file_type` (llama.h, `enum llama_ftype`). */
const fileTypes: Readonly<Record<GgufType, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q8_0: 7,
  q5_0: 8,
  q5_1: 9,
  q4_k: 14,
  q5_k: 16,
  q6_k: 18,
  bf16: 32,
  mxfp4: 38,
  nvfp4: 39,
};
const QUANTISATION_VERSION = 2;

const whole = (value: number): GgufValue => ({ kind: 'uint32', value });
const words = (value: string): GgufValue => ({ kind: 'string', value });

/** Type of a file's weights according to its metadata; null: not a type of our exports. */
export const fileType = (value: unknown): GgufType | null =>
  ggufTypes.find((type) => value === fileTypes[type]) ?? null;

/** Metadata of a pruned model without its tokenizer. */
export const modelMetadata = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
  architecture: LlamaArchitecture,
  type: GgufType,
  name: string,
): readonly (readonly [string, GgufValue])[] => {
  return [
    ['general.architecture', words(architecture.name)],
    ['general.type', words('model')],
    ['general.name', words(name)],
    ['general.file_type', whole(fileTypes[type])],
    ['general.quantization_version', whole(QUANTISATION_VERSION)],
    ...modelKeys({ model, config, architecture }),
  ];
};
