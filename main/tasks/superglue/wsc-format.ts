import { z } from 'zod';
import { refuse } from '../../contract/errors.ts';
import { splitAtSpace, strip } from '../python/python-string.ts';
import { parseRow } from './sentence-formats.ts';
import type { SuperGlueFormat } from './superglue-format.ts';

const wordIndex = z.number().int().nonnegative();
const wscRow = z.object({
  text: z.string(),
  target: z.object({ span1_index: wordIndex, span1_text: z.string().min(1), span2_index: wordIndex, span2_text: z.string().min(1) }),
  label: z.boolean(),
});

/**
 * A few rows name a span that is not in their text: wrong case, a full stop or a line end in it. This is the correction
 * of the data set's configuration "wsc.fixed", which lm-evaluation-harness reads.
 */
const correctedSpan = (text: string, span: string, index: number): string => {
  // Two spans are split by other words in their texts and stay as they are.
  if (text.includes(span) || span === 'Kamenev and Zinoviev' || span === 'Kamenev, Zinoviev, and Stalin') return span;
  const [wordStart = ''] = Array.from(splitAtSpace(text)[index] ?? '');
  const [first = '', ...rest] = Array.from(span);
  const isSmall = wordStart !== wordStart.toUpperCase();
  const cased = (isSmall ? first.toLowerCase() : first.toUpperCase()) + rest.join('');
  return strip(cased, 'right', '.').replaceAll('\n', ' ');
};

/** Spaces that tokenised English has before and after its signs. */
const detokenised = (text: string): string =>
  text.replaceAll(" n't", "n't").replaceAll(' )', ')').replaceAll('( ', '(').replaceAll('" ', '"').replaceAll(' "', '"').replace(/ (['.,])/g, '$1');

export const wsc: SuperGlueFormat = {
  name: 'wsc',
  title: 'Winograd Schema Challenge',
  note: 'Spans that their texts do not hold are corrected as in the configuration wsc.fixed of the data set.',
  questions: (row) => {
    const { text, target, label } = parseRow(wscRow, row, 'WSC');
    // One row has two words written as one, which shifts its index.
    const isJoined = target.span2_text.includes('theyscold') && !text.includes(target.span2_text);
    const index = isJoined ? 10 : target.span2_index;
    const noun = correctedSpan(text, target.span1_text, target.span1_index);
    const pronoun = correctedSpan(text, target.span2_text, index);
    if (!text.includes(pronoun)) {
      throw refuse('bad-item', `${row.place}: target.span2_text ${JSON.stringify(pronoun)} is not in the text.`, 'Correct the span.');
    }
    const before = splitAtSpace(text).slice(0, index).join(' ');
    const after = Array.from(text).slice(Array.from(before).length + Array.from(pronoun).length + 1).join('');
    const passage = detokenised(`${before} *${pronoun}*${after}`);
    return [
      {
        text: `Passage: ${passage}\nQuestion: In the passage above, does the pronoun "*${pronoun}*" refer to "*${noun}*"?\nAnswer:`,
        choices: ['no', 'yes'],
        answer: Number(label),
      },
    ];
  },
};
