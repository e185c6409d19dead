import { z } from 'zod';
import { refuse } from '../../contract/errors.ts';
import type { DataRow } from '../data-row.ts';
import { strip } from '../python/python-string.ts';
import type { SuperGlueFormat } from './superglue-format.ts';

/** Parses a row, naming file, line and key where it is not what SuperGLUE distributes. */
export const parseRow = <T>(schema: z.ZodType<T>, { place, values }: DataRow, task: string): T => {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(
    'bad-item',
    `${place}: not a row of ${task} (${issue === undefined ? 'another shape' : `${issue.path.join('.') || 'row'}: ${issue.message}`}).`,
    'Use the files as SuperGLUE distributes them; train.jsonl and val.jsonl have labels.',
  );
};

const boolqRow = z.object({ question: z.string(), passage: z.string(), label: z.boolean() });
export const boolq: SuperGlueFormat = {
  name: 'boolq',
  title: 'BoolQ',
  note: '',
  questions: (row) => {
    const { question, passage, label } = parseRow(boolqRow, row, 'BoolQ');
    return [{ text: `${passage}\nQuestion: ${question}?\nAnswer:`, choices: ['no', 'yes'], answer: Number(label) }];
  },
};

const cbRow = z.object({ premise: z.string(), hypothesis: z.string(), label: z.enum(['entailment', 'contradiction', 'neutral']) });
export const cb: SuperGlueFormat = {
  name: 'cb',
  title: 'CommitmentBank',
  note: '',
  questions: (row) => {
    const { premise, hypothesis, label } = parseRow(cbRow, row, 'CB');
    const answer = ['entailment', 'contradiction', 'neutral'].indexOf(label);
    return [{ text: `${premise}\nQuestion: ${hypothesis}. True, False, or Neither?\nAnswer:`, choices: ['True', 'False', 'Neither'], answer }];
  },
};

const rteRow = z.object({ premise: z.string(), hypothesis: z.string(), label: z.enum(['entailment', 'not_entailment']) });
export const rte: SuperGlueFormat = {
  name: 'rte',
  title: 'Recognizing Textual Entailment',
  note: '',
  questions: (row) => {
    const { premise, hypothesis, label } = parseRow(rteRow, row, 'RTE');
    return [{ text: `${premise}\nQuestion: ${hypothesis} True or False?\nAnswer:`, choices: ['True', 'False'], answer: Number(label !== 'entailment') }];
  },
};

const copaRow = z.object({
  premise: z.string().min(1),
  choice1: z.string().min(1),
  choice2: z.string().min(1),
  question: z.enum(['cause', 'effect']),
  label: z.union([z.literal(0), z.literal(1)]),
});
const withSmallStart = (text: string): string => {
  const [first = '', ...rest] = Array.from(text);
  return first.toLowerCase() + rest.join('');
};
export const copa: SuperGlueFormat = {
  name: 'copa',
  title: 'Choice of Plausible Alternatives',
  note: 'Two spaces stand before its choices, as there.',
  questions: (row) => {
    const { premise, choice1, choice2, question, label } = parseRow(copaRow, row, 'COPA');
    const withoutFullStop = Array.from(strip(premise, 'both', null)).slice(0, -1).join('');
    return [
      {
        text: `${withoutFullStop} ${question === 'cause' ? 'because' : 'therefore'}`,
        choices: [` ${withSmallStart(choice1)}`, ` ${withSmallStart(choice2)}`],
        answer: label,
      },
    ];
  },
};

const place = z.number().int().nonnegative();
const wicRow = z.object({ sentence1: z.string(), sentence2: z.string(), start1: place, end1: place, label: z.boolean() });
export const wic: SuperGlueFormat = {
  name: 'wic',
  title: 'Words in Context',
  note: '',
  questions: (row) => {
    const { sentence1, sentence2, start1, end1, label } = parseRow(wicRow, row, 'WiC');
    const word = Array.from(sentence1).slice(start1, end1).join('');
    const question = `Question: Is the word '${word}' used in the same way in the two sentences above?`;
    return [{ text: `Sentence 1: ${sentence1}\nSentence 2: ${sentence2}\n${question}\nAnswer:`, choices: ['no', 'yes'], answer: Number(label) }];
  },
};
