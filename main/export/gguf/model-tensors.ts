import type {
  AttentionDescriptor,
  BlockDescriptor,
  DenseTensors,
  ExpertTensors,
  ModelDescriptor,
  MoeDescriptor,
  Projection,
  Rotary,
  TensorView,
  Weight,
} from '../../checkpoint/descriptor.ts';
import { contiguousPart, plainWeight } from '../../checkpoint/read-tensor.ts';
import { correctionOf } from '../../checkpoint/routing.ts';
import { isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import type { LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';
import type { GgufType } from '../../contract/export.ts';
import { BLOCK_VALUES } from './encode-values.ts';

/** A part of a tensor: rows unchanged, or each head's rows reordered from halves to pairs. */
export interface GgufPiece {
  readonly weight: Weight;
  /** Number of rows per head to reorder; null: none. */
  readonly headRows: number | null;
}

export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Rows first. */
  readonly shape: readonly number[];
  /** Concatenated, they are the tensor. */
  readonly pieces: readonly GgufPiece[];
}

type Sized = Omit<GgufTensor, 'type'> & { readonly wanted: 'weights' | 'f32' };

/** The points of an architecture that place tensors. */
type Layout = Pick<LlamaArchitecture, 'rotatesPairs' | 'sharesEmbedding' | 'feedForwardNorm'>;

const as = (weight: Weight): GgufPiece => ({ weight, headRows: null });

const matrix = (name: string, weight: Weight): Sized => ({
  name: `${name}.weight`,
  shape: weight.shape,
  pieces: [as(weight)],
  wanted: 'weights',
});

/** Norms, routers, biases and sinks stay in float32, in which llama.cpp computes with them. */
const exact = (name: string, view: TensorView, shape: readonly number[] = view.shape): Sized => ({
  name,
  shape,
  pieces: [as(plainWeight(view))],
  wanted: 'f32',
});

const projection = (name: string, { weight, bias }: Projection): readonly Sized[] => [
  matrix(name, weight),
  ...(bias === null ? [] : [exact(`${name}.bias`, bias)]),
];

/**
 * Tensors of a GGUF file of a pruned model in the order of its layers. Weights have type `type`, or float16 if their
 * rows are not whole blocks of 32; tensors that llama.cpp needs exactly are float32.
 */
export const modelTensors = (model: ModelDescriptor, architecture: Layout, type: GgufType): readonly GgufTensor[] => {
  const hasOwnHead = model.head.tensor !== model.embedding.tensor;
  const sized: readonly Sized[] = [
    matrix('token_embd', plainWeight(model.embedding)),
    ...model.blocks.flatMap((block, layer) => blockTensors(block, `blk.${String(layer)}`, architecture)),
    exact('output_norm.weight', model.finalNorm.scale),
    ...(hasOwnHead || !architecture.sharesEmbedding ? [matrix('output', plainWeight(model.head))] : []),
  ];
  return sized.map(({ wanted, ...tensor }) => ({
    ...tensor,
    type: wanted === 'f32' ? 'f32' : fitting(type, tensor.shape),
  }));
};

/** Types in blocks require rows of whole blocks. */
const fitting = (type: GgufType, shape: readonly number[]): GgufType =>
  isBlockType(type) && (shape.at(-1) ?? 0) % BLOCK_VALUES !== 0 ? 'f16' : type;

const blockTensors = (
  { attentionNorm, attention, rotary, feedForwardNorm, moe, dense }: BlockDescriptor,
  prefix: string,
  architecture: Layout,
): readonly Sized[] => [
  ...(attentionNorm === null ? [] : [exact(`${prefix}.attn_norm.weight`, attentionNorm.scale)]),
  ...(attention === null ? [] : attentionTensors(attention, prefix, rotary, architecture)),
  ...(feedForwardNorm === null
    ? []
    : [exact(`${prefix}.${architecture.feedForwardNorm}.weight`, feedForwardNorm.scale)]),
  ...(dense === null ? [] : denseTensors(dense, prefix, '')),
  ...(moe === null ? [] : moeTensors(moe, prefix)),
];

const denseTensors = ({ gate, up, down }: DenseTensors, prefix: string, suffix: string): readonly Sized[] => [
  ...(gate === null ? [] : [matrix(`${prefix}.ffn_gate${suffix}`, gate)]),
  matrix(`${prefix}.ffn_up${suffix}`, up),
  matrix(`${prefix}.ffn_down${suffix}`, down),
];

const attentionTensors = (
  attention: AttentionDescriptor,
  prefix: string,
  rotary: Rotary | null,
  architecture: Layout,
): readonly Sized[] => {
  if (attention.kind === 'latent') return latentTensors(attention, prefix, attention.heads);
  const reorder = architecture.rotatesPairs && rotary?.interleaved === false;
  const rotated = (name: string, projected: Projection): readonly Sized[] =>
    projection(name, projected).map((tensor) =>
      reorder
        ? { ...tensor, pieces: tensor.pieces.map((piece) => ({ ...piece, headRows: attention.headDimension })) }
        : tensor,
    );
  const { queryKeyNorm, sinks } = attention;
  return [
    ...rotated(`${prefix}.attn_q`, attention.query),
    ...(attention.key === null ? [] : rotated(`${prefix}.attn_k`, attention.key)),
    ...(attention.value === null ? [] : projection(`${prefix}.attn_v`, attention.value)),
    ...projection(`${prefix}.attn_output`, attention.output),
    ...(queryKeyNorm === null
      ? []
      : [
          exact(`${prefix}.attn_q_norm.weight`, queryKeyNorm.query.scale),
          ...(queryKeyNorm.key === null ? [] : [exact(`${prefix}.attn_k_norm.weight`, queryKeyNorm.key.scale)]),
        ]),
    ...(sinks === null ? [] : [exact(`${prefix}.attn_sinks.weight`, sinks)]),
  ];
};

/** A matrix per head expands keys from the latent; llama.cpp multiplies the query by its transpose instead. */
const latentTensors = (
  attention: Extract<AttentionDescriptor, { kind: 'latent' }>,
  prefix: string,
  heads: number,
): readonly Sized[] => {
  const { query, keyValueDown, keyValueNorm, keyValueUp, latent, plainDimension, valueDimension, output } = attention;
  const { stored } = keyValueUp.weight;
  if (stored.kind !== 'plain') throw new Error('quantised latent attention was not refused');
  const rows = plainDimension + valueDimension;
  const parts = Array.from({ length: heads }, (_, head) => {
    const own = contiguousPart(stored.view, head, heads, [rows, latent]);
    const keyBytes = (own.byteLength / rows) * plainDimension;
    return {
      key: { ...own, shape: [plainDimension, latent], byteLength: keyBytes },
      value: {
        ...own,
        shape: [valueDimension, latent],
        byteOffset: own.byteOffset + keyBytes,
        byteLength: own.byteLength - keyBytes,
      },
    };
  });
  return [
    ...('whole' in query
      ? projection(`${prefix}.attn_q`, query.whole)
      : [
          ...projection(`${prefix}.attn_q_a`, query.down),
          exact(`${prefix}.attn_q_a_norm.weight`, query.norm.scale),
          ...projection(`${prefix}.attn_q_b`, query.up),
        ]),
    ...projection(`${prefix}.attn_kv_a_mqa`, keyValueDown),
    exact(`${prefix}.attn_kv_a_norm.weight`, keyValueNorm.scale),
    {
      name: `${prefix}.attn_k_b.weight`,
      shape: [heads, latent, plainDimension],
      pieces: parts.map(({ key }) =>
        as({ stored: { kind: 'plain', view: key }, transposed: true, shape: [latent, plainDimension] }),
      ),
      wanted: 'weights',
    },
    {
      name: `${prefix}.attn_v_b.weight`,
      shape: [heads, valueDimension, latent],
      pieces: parts.map(({ value }) => as(plainWeight(value))),
      wanted: 'weights',
    },
    ...projection(`${prefix}.attn_output`, output),
  ];
};

const roles = [
  { role: 'gate', bias: 'gateBias' },
  { role: 'up', bias: 'upBias' },
  { role: 'down', bias: 'downBias' },
] as const;

const moeTensors = (moe: MoeDescriptor, prefix: string): readonly Sized[] => {
  const { router, routerBias, routing, expertTensors, shared } = moe;
  const correction = correctionOf(routing);
  const stacked = (name: string, weights: readonly Weight[], wanted: Sized['wanted']): Sized => ({
    name,
    shape: [weights.length, ...(weights[0]?.shape ?? [])],
    pieces: weights.map(as),
    wanted,
  });
  return [
    exact(`${prefix}.ffn_gate_inp.weight`, router),
    ...(routerBias === null ? [] : [exact(`${prefix}.ffn_gate_inp.bias`, routerBias)]),
    ...(correction === null ? [] : [exact(`${prefix}.exp_probs_b.bias`, correction, correction.shape.slice(-1))]),
    ...roles.flatMap(({ role, bias }): readonly Sized[] => {
      const name = `${prefix}.ffn_${role}_exps`;
      const biases = expertTensors.flatMap((expert: ExpertTensors) => expert[bias] ?? []);
      const matrices = expertTensors.flatMap((expert) => expert[role] ?? []);
      return [
        ...(matrices.length === 0 ? [] : [stacked(`${name}.weight`, matrices, 'weights')]),
        ...(biases.length === 0 ? [] : [stacked(`${name}.bias`, biases, 'f32')]),
      ];
    }),
    ...(shared === null ? [] : denseTensors(shared, prefix, '_shexp')),
    ...(shared?.scale === null || shared === null
      ? []
      : [exact(`${prefix}.ffn_gate_inp_shexp.weight`, shared.scale, shared.scale.shape.slice(1))]),
  ];
};
