import type { CompressedType, ExportFormat, GgufType, PredictionChoice } from '../../../main/contract/export.ts';
import { compressedTypes, exportFormat, ggufTypes } from '../../../main/contract/export.ts';
import type { RunManifest } from '../../../main/contract/run.ts';

export const formatOptions: readonly { readonly value: ExportFormat; readonly label: string }[] = [
  { value: 'hf', label: 'Hugging Face' },
  { value: 'onnx', label: 'ONNX' },
  { value: 'hf,onnx', label: 'Both' },
  { value: 'gguf', label: 'GGUF' },
];

/** The one form of a model that is a GGUF file. */
export const storedGgufOptions: readonly { readonly value: ExportFormat; readonly label: string }[] = [
  { value: 'gguf', label: 'GGUF, as stored' },
];
export const STORED_GGUF_TEXT =
  'One file, model.gguf, in the types of the source: experts and rows of routers are cut out, nothing is quantised ' +
  'again, and every kept expert has the bytes of the source. It is verified by comparing bytes and by running both.';

/** Weight types of a GGUF file; '' keeps the stored type. */
export const ggufTypeOptions: readonly { readonly value: GgufType | ''; readonly label: string }[] = [
  { value: '', label: 'As stored' },
  ...ggufTypes.map((value) => ({ value, label: value })),
];

/** Types as which a Hugging Face folder is quantised; '' keeps the stored type. */
export const hfTypeOptions: readonly { readonly value: CompressedType | ''; readonly label: string }[] = [
  { value: '', label: 'As stored' },
  ...compressedTypes.map((value) => ({ value, label: value })),
];
export const QUANTISED_TEXT =
  'The matrices of its layers are quantised as the compressed-tensors package does it, byte for byte; embeddings, ' +
  'head, routers and norms keep their values. The folder is compared byte by byte, not run.';

/** Treatments of extra prediction layers, and their meaning. */
export const mtpOptions: readonly { readonly value: PredictionChoice; readonly label: string }[] = [
  { value: 'drop', label: 'Left out' },
  { value: 'slice', label: 'Kept, sliced' },
];
export const mtpText: Readonly<Record<PredictionChoice, string>> = {
  drop: 'The smaller checkpoint has none, and its config counts none.',
  slice:
    'Their experts are those with the numbers that the plan keeps in the last MoE layer: theirs were not measured. ' +
    'They propose tokens that the model checks.',
};

export const formatText: Readonly<Record<ExportFormat, string>> = {
  hf:
    'A model folder like the source’s, for transformers, this workbench and, in most families, vLLM; ready to ' +
    'fine-tune or to quantise.',
  onnx:
    'One graph, model.onnx, with its weights in a second file: runs in onnxruntime in any language, for batches and ' +
    'sequences of any length. It outputs logits and has no key-value cache.',
  'hf,onnx':
    'Both in one folder: the graph refers to the safetensors files, so weights are stored once. Each format ' +
    'is verified separately.',
  gguf:
    'One file with weights and tokenizer, model.gguf, for llama.cpp and programs built on it. It is compared ' +
    'byte by byte, not run. For other types use llama.cpp’s own llama-quantize.',
};

export const weightsText: Readonly<Record<ExportFormat, string>> = {
  hf: 'safetensors, the source’s own tensor names',
  onnx: 'one data file that the graph refers to',
  'hf,onnx': 'safetensors, also used by the graph',
  gguf: 'one file; norms, routers and biases in float32',
};

export const folderWords: Readonly<Record<ExportFormat, string>> = {
  hf: 'Hugging Face',
  onnx: 'ONNX',
  'hf,onnx': 'Hugging Face and ONNX',
  gguf: 'GGUF',
};

/** The format recorded in an export's manifest; null if the run is not an export. */
export const formOfRun = ({ spec }: Pick<RunManifest, 'spec'>): string | null => {
  const format = exportFormat.safeParse(spec['format']);
  return format.success ? folderWords[format.data] : null;
};
