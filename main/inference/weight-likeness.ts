import type { MoeDescriptor, Weight } from '../checkpoint/descriptor.ts';
import { readTensor, storedName } from '../checkpoint/read-tensor.ts';
import { present, refuse } from '../contract/errors.ts';

const ROLES = ['gate', 'up', 'down'] as const;

/** Reads weights stored as a matrix of their own; their order does not matter, as long as all experts have the same. */
const readWeight = (weight: Weight): Promise<Float32Array> => {
  const { stored, select } = weight;
  if (stored.kind === 'plain' && select === undefined) return readTensor(stored.view);
  throw refuse(
    'unsupported-layout',
    `The weights of experts can be compared only where they are plain matrices; "${storedName(weight)}" is quantised ` +
      'or interleaved.',
    'Compare them by their router logits, or by their outputs.',
  );
};

/**
 * Cosines [E] of an expert with every expert of its layer: over all their weights (gate, up and down concatenated) as
 * stored, without matching neurons. Two experts with permuted neurons compute the same but are not similar by this
 * measure. Reads the layer once, one matrix at a time.
 *
 * @throws WorkbenchError `has-constants` where experts are constants, `unsupported-layout`.
 */
export const expertWeightLikeness = async ({ expertTensors }: MoeDescriptor, expert: number): Promise<Float64Array> => {
  const expertWeights = expertTensors[expert];
  if (expertWeights === undefined) throw new RangeError(`expert ${expert} is not among ${expertTensors.length}`);
  if (expertTensors.some(({ constant }) => constant !== undefined))
    throw refuse(
      'has-constants',
      'Experts of this layer output constants: they have no weights.',
      'Choose another layer.',
    );
  const products = new Float64Array(expertTensors.length);
  const squares = new Float64Array(expertTensors.length);
  for (const role of ROLES) {
    const ownWeight = expertWeights[role];
    if (ownWeight === null) continue;
    const reference = await readWeight(ownWeight);
    for (const [other, tensors] of expertTensors.entries()) {
      const weight = present(tensors[role], `expert ${other} has no ${role}`);
      const weights = other === expert ? reference : await readWeight(weight);
      let product = 0;
      let square = 0;
      for (let at = 0; at < weights.length; at += 1) {
        const weight = weights[at] ?? 0;
        product += weight * (reference[at] ?? 0);
        square += weight * weight;
      }
      products[other]! += product;
      squares[other]! += square;
      // A matrix takes a moment: lets other requests run in between.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  const length = Math.sqrt(squares[expert] ?? 0);
  return products.map((product, other) => {
    const scale = length * Math.sqrt(squares[other] ?? 0);
    return scale > 0 ? Math.min(1, Math.max(-1, product / scale)) : 0;
  });
};
