import { z } from 'zod';
import { compareTexts, strip } from '../python/python-string.ts';
import { parseRow } from './sentence-formats.ts';
import type { FormattedQuestion, SuperGlueFormat } from './superglue-format.ts';

const multircRow = z.object({
  passage: z.object({
    text: z.string(),
    questions: z.array(z.object({ question: z.string(), answers: z.array(z.object({ text: z.string(), label: z.union([z.literal(0), z.literal(1)]) })) })),
  }),
});

export const multirc: SuperGlueFormat = {
  name: 'multirc',
  title: 'Multi-Sentence Reading Comprehension',
  note:
    'Each answer is an item of its own, and "yes" is right where its label is 1. lm-evaluation-harness 0.4.13 lists yes before no and ' +
    'takes the label as the index, so there "no" counts as right for label 1: its accuracy is 1 minus this one. It also reads a backslash ' +
    'in an answer as an escape of Python; here answers stay as they are.',
  questions: (row) => {
    const { passage } = parseRow(multircRow, row, 'MultiRC');
    return passage.questions.flatMap(({ question, answers }) =>
      answers.map(({ text, label }) => ({
        text: `${passage.text}\nQuestion: ${question}\nAnswer:`,
        choices: ['yes', 'no'].map((word) => `${text}\nIs the answer correct? ${word}`),
        answer: 1 - label,
      })),
    );
  },
};

const place = z.number().int().nonnegative();
const recordRow = z.object({
  passage: z.object({ text: z.string(), entities: z.array(z.object({ start: place, end: place })) }),
  qas: z.array(z.object({ query: z.string(), answers: z.array(z.object({ text: z.string() })).min(1) })),
});

const uniqueSorted = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort(compareTexts);

export const record: SuperGlueFormat = {
  name: 'record',
  title: 'Reading Comprehension with Commonsense Reasoning',
  note:
    'The choices are the entities of the passage, put into the query. Where several are right, the first in order is kept and the others ' +
    'are left out of the choices, since an item has one answer (lm-evaluation-harness keeps them all and counts each as right).',
  questions: (row) => {
    const { passage, qas } = parseRow(recordRow, row, 'ReCoRD');
    const characters = Array.from(passage.text);
    // `end` is the last character's place.
    const entities = uniqueSorted(passage.entities.map(({ start, end }) => characters.slice(start, end + 1).join('')));
    const [body = '', ...highlights] = strip(passage.text, 'both', null).split('\n@highlight\n');
    const text = `${body}\n\n${highlights.map((highlight) => `  - ${highlight}.\n`).join('')}`;
    return qas.map(({ query, answers }): FormattedQuestion => {
      const right = uniqueSorted(answers.map((answer) => answer.text));
      const answer = right.find((name) => entities.includes(name));
      const choices = entities.filter((entity) => entity === answer || !right.includes(entity));
      if (answer === undefined || choices.length < 2) return null;
      return { text, choices: choices.map((entity) => `  - ${query.split('@placeholder').join(entity)}`), answer: choices.indexOf(answer) };
    });
  },
};
