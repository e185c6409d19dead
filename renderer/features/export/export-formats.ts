import { exportFormat, ggufTypes } from '../../../main/contract/export.ts';
import type { ExportFormat, GgufType } from '../../../main/contract/export.ts';
import type { RunManifest } from '../../../main/contract/run.ts';

export const formatOptions: readonly { readonly value: ExportFormat; readonly label: string }[] = [
  { value: 'hf', label: 'Hugging Face' },
  { value: 'onnx', label: 'ONNX' },
  { value: 'hf,onnx', label: 'Both' },
  { value: 'gguf', label: 'GGUF' },
];

/** Types of a GGUF file's weights; '' as they are stored. */
export const ggufTypeOptions: readonly { readonly value: GgufType | ''; readonly label: string }[] = [
  { value: '', label: 'As stored' },
  ...ggufTypes.map((value) => ({ value, label: value })),
];

/** What each form is for. */
export const formatText: Readonly<Record<ExportFormat, string>> = {
  hf:
    'A model folder like the source’s: what transformers, vLLM and this workbench open, ready to fine-tune or to ' +
    'quantise.',
  onnx:
    'One graph, model.onnx, with its weights beside it: runs in onnxruntime in any language, for batches and ' +
    'sequences of any length. It gives logits; it has no key-value cache.',
  'hf,onnx':
    'Both in one folder: the graph points into the safetensors files, so the weights are there once. Each form ' +
    'is verified by itself.',
  gguf:
    'One file with weights and tokenizer, model.gguf: what llama.cpp and programs built on it open. It is compared ' +
    'byte by byte, not run. Smaller types are made by llama.cpp’s own llama-quantize.',
};

/** What the weights are written as. */
export const weightsText: Readonly<Record<ExportFormat, string>> = {
  hf: 'safetensors, the source’s own tensor names',
  onnx: 'one data file that the graph points into',
  'hf,onnx': 'safetensors, used by the graph too',
  gguf: 'one file; norms, routers and biases in float32',
};

/** Title of a form that was proven by itself. */
export const formTitle: Readonly<Record<'hf' | 'onnx', string>> = { hf: 'Hugging Face', onnx: 'ONNX' };

const folderWords: Readonly<Record<ExportFormat, string>> = {
  hf: 'Hugging Face',
  onnx: 'ONNX',
  'hf,onnx': 'Hugging Face and ONNX',
  gguf: 'GGUF',
};

/** The form that an export's manifest records; null for a run that is no export. */
export const formOfRun = ({ spec }: Pick<RunManifest, 'spec'>): string | null => {
  const format = exportFormat.safeParse(spec['format']);
  return format.success ? folderWords[format.data] : null;
};
