import type { ExpertTensors, MoeDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import { contiguousPart } from '../checkpoint/read-tensor.ts';
import { scaledWeight } from '../checkpoint/scaled-weight.ts';
import type { MoeLayer } from '../graph/moe.ts';

/** Added to the router logit of a dropped expert: its softmax weight is exactly zero. */
const DROPPED = -1e9;

/** One block under a candidate. Equal keys mean equal blocks, which candidates share. */
export interface LayerVariant {
  readonly key: string;
  /** Identity of its session: all masks of a layer share the layer's own session. */
  readonly sessionKey: string;
  /** Null in a dense block. */
  readonly layer: MoeLayer | null;
  /** [rows of the router] 0 or -1e9; empty in a dense block. */
  readonly mask: Float32Array;
}

/** The checkpoint's own layer. */
export const ownLayer = ({ expertTensors, ...moe }: MoeDescriptor): MoeLayer => ({
  ...moe,
  map: { kind: 'direct' },
  experts: expertTensors,
});

/** A block without experts: the same under every candidate. */
export const denseVariant: LayerVariant = { key: 'dense', sessionKey: 'own', layer: null, mask: new Float32Array() };

/** The layer with only `kept` experts selectable. */
export const maskedVariant = (moe: MoeDescriptor, kept: readonly number[]): LayerVariant => {
  const mask = new Float32Array(moe.experts + moe.identities).fill(DROPPED, 0, moe.experts);
  for (const expert of kept) mask[expert] = 0;
  const dropped = mask.some((value) => value !== 0);
  return {
    key: dropped ? `kept:${[...kept].sort((a, b) => a - b).join(',')}` : 'own',
    sessionKey: 'own',
    layer: ownLayer(moe),
    mask,
  };
};

/** The layer with every expert selectable; experts that are not `kept` output a constant vector ([E, H], row e). */
export const constantVariant = (
  moe: MoeDescriptor,
  kept: readonly number[],
  vectors: TensorView,
  key: string,
): LayerVariant => {
  const whole = ownLayer(moe);
  const experts = whole.experts.map((expert, index) =>
    kept.includes(index)
      ? expert
      : { ...expert, constant: contiguousPart(vectors, index, moe.experts, vectors.shape.slice(1)) },
  );
  const name = `constants:${key} kept:${[...kept].sort((a, b) => a - b).join(',')}`;
  return {
    key: name,
    sessionKey: name,
    layer: { ...whole, experts },
    mask: new Float32Array(moe.experts + moe.identities),
  };
};

/** A layer whose chosen experts keep the weights that the unpruned router gives them. */
export const trainedVariant = (variant: LayerVariant): LayerVariant =>
  variant.layer === null || variant.mask.every((value) => value === 0)
    ? variant
    : {
        ...variant,
        key: `trained ${variant.key}`,
        sessionKey: `trained ${variant.sessionKey}`,
        layer: { ...variant.layer, gates: 'trained' },
      };

/**
 * A layer whose experts' down projections, with their biases, are multiplied by a factor, or each by its own. Masked
 * experts never run: in their places stands one that is not masked, so that their weights are not read.
 *
 * @throws WorkbenchError `gates-not-folded`.
 */
export const foldedVariant = (variant: LayerVariant, factors: number | readonly number[]): LayerVariant => {
  if (variant.layer === null || factors === 1) return variant;
  const { experts, map } = variant.layer;
  const folded = experts.map((expert, index): ExpertTensors => {
    const factor = typeof factors === 'number' ? factors : (factors[index] ?? 1);
    return {
      ...expert,
      down: scaledWeight(expert.down, factor),
      ...(expert.downBias === undefined ? {} : { downBias: scaledWeight(expert.downBias, factor) }),
    };
  });
  const first = map.kind === 'direct' ? folded.find((_, index) => variant.mask[index] === 0) : undefined;
  const name = `folded:${factors.toString()} ${variant.key}`;
  return {
    ...variant,
    key: name,
    sessionKey: name,
    layer: {
      ...variant.layer,
      experts: folded.map((expert, index) => (variant.mask[index] === 0 ? expert : (first ?? expert))),
    },
  };
};

export const unprunedVariant = (moe: MoeDescriptor): LayerVariant =>
  maskedVariant(
    moe,
    moe.expertTensors.map((_, expert) => expert),
  );
