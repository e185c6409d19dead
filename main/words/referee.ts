import type { Refereed } from '../contract/export.ts';
import { counted, formatPercent } from './numbers.ts';
import type { TransformersCheck } from '../contract/transformers-check.ts';

/** Flips that are named. */
const MOST_NAMED = 10;

/** A card's paragraph of these findings is known by it. */
const BEGINNING = 'Referee: ';

/** The findings of a referee in a sentence, with the flips. */
export const refereeWords = (
  { precision, seed, answers, atMost, flips }: Refereed,
  of: 'this sweep' | 'the export',
): string => {
  const named = flips.slice(0, MOST_NAMED).map(({ point, item, margins }) => {
    const [before, after] = margins.map((margin) => margin?.toPrecision(2) ?? '-');
    return `${point}, item ${item} (margins ${before ?? ''} and ${after ?? ''})`;
  });
  return (
    `${BEGINNING}onnxruntime in float32 gave ${counted(answers, 'answer')} of ${of} too, drawn at random ` +
    `(seed ${seed}), and ${flips.length} of them differ from PyTorch's in ${precision}` +
    (atMost === null
      ? '.'
      : ` (${formatPercent(flips.length / answers)}; of all answers at most ` +
        `${formatPercent(atMost)}, exact one-sided 95 % limit).`) +
    (named.length === 0 ? '' : ` ${named.join('; ')}${flips.length > named.length ? '; and others' : ''}.`)
  );
};

/** What compares a model, and an export. */
const MODEL_CHECK = 'uncurl info MODEL --referee';
export const EXPORT_CHECK = 'uncurl verify FOLDER --against MODEL --plan PLAN --referee';

/** Whether a model was compared with transformers, in words; null: nobody has asked. */
export const transformersWords = (check: TransformersCheck | null, asking = MODEL_CHECK): string => {
  if (check === null) return `not compared with transformers (${asking} compares it)`;
  if (check.word === 'not compared') return `not compared with transformers: ${check.why}`;
  const { transformers, tokens, differing, difference, tolerance } = check;
  const ties = differing === 0 ? '' : `, but for ${differing} positions, where experts tie or the difference is larger`;
  return (
    `equal to transformers ${transformers} in ${tokens} tokens of logits (largest difference ` +
    `${difference.toExponential(1)} of the largest logit, ${tolerance} is allowed)${ties}`
  );
};
