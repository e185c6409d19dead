import type { ModelInfo } from '../contract/model.ts';
import type { BlockDescriptor, ModelDescriptor, TensorView } from './descriptor.ts';

const elements = ({ shape }: TensorView): number => shape.reduce((product, length) => product * length, 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const expertParameters = ({ moe }: BlockDescriptor): number =>
  sum(moe.expertTensors.map(({ gate, up, down }) => elements(gate) + elements(up) + elements(down)));

const denseParameters = ({ attentionNorm, attention, moeNorm, moe }: BlockDescriptor): number =>
  sum([attentionNorm, attention.query, attention.key, attention.value, attention.output, moeNorm, moe.router].map(elements));

/**
 * Counts of weights and bytes. `active`: all but the experts that a token does not use. Memory is that of float32
 * weights, which is what the CPU computes with: all blocks at once, or the largest block with embedding and head.
 */
export const modelInfo = (
  model: ModelDescriptor,
  sizeBytes: number,
  reasons: readonly string[],
): ModelInfo => {
  const [first] = model.blocks;
  const outer = elements(model.embedding) + elements(model.finalNorm) + (model.head === model.embedding ? 0 : elements(model.head));
  const expert = sum(model.blocks.map(expertParameters));
  const dense = outer + sum(model.blocks.map(denseParameters));
  const active = dense + sum(model.blocks.map((block) => (expertParameters(block) * block.moe.topK) / block.moe.experts));
  const largestBlock = Math.max(0, ...model.blocks.map((block) => expertParameters(block) + denseParameters(block)));
  return {
    family: model.family,
    layers: model.blocks.length,
    moeLayers: model.blocks.length,
    experts: first?.moe.experts ?? 0,
    topK: first?.moe.topK ?? 0,
    hidden: model.hidden,
    expertWidth: first?.moe.width ?? 0,
    sharedExperts: 0,
    normTopK: first?.moe.routing.normalise ?? true,
    vocabulary: model.vocabulary,
    maxPositions: model.maxPositions,
    parameters: { total: dense + expert, expert, active },
    dtype: dtypeName(model),
    sizeBytes,
    memory: { resident: 4 * (dense + expert), streaming: 4 * (outer + largestBlock) },
    supported: true,
    reasons: [...reasons],
  };
};

const dtypeName = (model: ModelDescriptor): string => {
  const names = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;
  const { dtype } = model.blocks[0]?.moe.expertTensors[0]?.gate ?? model.embedding;
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' ? names[dtype] : dtype;
};
