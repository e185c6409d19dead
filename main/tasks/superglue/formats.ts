import { z } from 'zod';
import { boundedList, boundedText } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { firstIssue } from '../../files/parse-json.ts';
import type { Question } from '../few-shot.ts';
import type { DataRow } from '../items.ts';
import { compareTexts, splitAtSpace, strip } from '../python/python-text.ts';

/** A question without its id, with the passage that it may share; null for one that the task's rule leaves out. */
export type FormattedQuestion = (Omit<Question, 'id' | 'group'> & { readonly passage?: string }) | null;

/** One of the eight tasks: turns its rows into the questions of lm-evaluation-harness's super_glue tasks. */
export interface SuperGlueFormat {
  /** As SuperGLUE writes it; in lower case the name of its task. */
  readonly name: string;
  readonly title: string;
  /** Addition to the description, beside the splits. */
  readonly note: string;
  /**
   * The questions of a row; several if the row is a passage. Refuses, naming file, line and key, rows that are not in
   * SuperGLUE's form.
   */
  readonly questions: (row: DataRow) => readonly FormattedQuestion[];
}

/** `questionsOf`: the questions of a row in the form of `schema`, at a location. */
const format = <T>(
  facts: Pick<SuperGlueFormat, 'name' | 'title'> & { readonly note?: string },
  schema: z.ZodType<T>,
  questionsOf: (row: T, location: string) => readonly FormattedQuestion[],
): SuperGlueFormat => ({
  note: '',
  ...facts,
  questions: ({ location, values }) => {
    const parsed = schema.safeParse(values);
    if (parsed.success) return questionsOf(parsed.data, location);
    throw refuse(
      'bad-item',
      `${location}: not a row of ${facts.name} (${firstIssue(parsed.error, 'row')}).`,
      'Use the files as SuperGLUE distributes them; train.jsonl and val.jsonl have labels.',
    );
  },
});

export const boolq = format(
  { name: 'BoolQ', title: 'BoolQ' },
  z.object({ question: boundedText, passage: boundedText, label: z.boolean() }),
  ({ question, passage, label }) => [
    { text: `${passage}\nQuestion: ${question}?\nAnswer:`, choices: ['no', 'yes'], answer: Number(label), passage },
  ],
);

export const cb = format(
  { name: 'CB', title: 'CommitmentBank' },
  z.object({
    premise: boundedText,
    hypothesis: boundedText,
    label: z.enum(['entailment', 'contradiction', 'neutral']),
  }),
  ({ premise, hypothesis, label }) => {
    const answer = ['entailment', 'contradiction', 'neutral'].indexOf(label);
    return [
      {
        text: `${premise}\nQuestion: ${hypothesis}. True, False, or Neither?\nAnswer:`,
        choices: ['True', 'False', 'Neither'],
        answer,
        passage: premise,
      },
    ];
  },
);

export const rte = format(
  { name: 'RTE', title: 'Recognizing Textual Entailment' },
  z.object({
    premise: boundedText,
    hypothesis: boundedText,
    label: z.enum(['entailment', 'not_entailment']),
  }),
  ({ premise, hypothesis, label }) => [
    {
      text: `${premise}\nQuestion: ${hypothesis} True or False?\nAnswer:`,
      choices: ['True', 'False'],
      answer: Number(label !== 'entailment'),
      passage: premise,
    },
  ],
);

const withSmallStart = (text: string): string => {
  const [first = '', ...rest] = Array.from(text);
  return first.toLowerCase() + rest.join('');
};
export const copa = format(
  { name: 'COPA', title: 'Choice of Plausible Alternatives', note: 'Two spaces precede its choices, as there.' },
  z.object({
    premise: boundedText.min(1),
    choice1: boundedText.min(1),
    choice2: boundedText.min(1),
    question: z.enum(['cause', 'effect']),
    label: z.union([z.literal(0), z.literal(1)]),
  }),
  ({ premise, choice1, choice2, question, label }) => {
    const withoutFullStop = Array.from(strip(premise, 'both', null))
      .slice(0, -1)
      .join('');
    return [
      {
        text: `${withoutFullStop} ${question === 'cause' ? 'because' : 'therefore'}`,
        choices: [` ${withSmallStart(choice1)}`, ` ${withSmallStart(choice2)}`],
        answer: label,
      },
    ];
  },
);

const position = z.number().int().nonnegative();
export const wic = format(
  { name: 'WiC', title: 'Words in Context' },
  z.object({
    sentence1: boundedText,
    sentence2: boundedText,
    start1: position,
    end1: position,
    label: z.boolean(),
  }),
  ({ sentence1, sentence2, start1, end1, label }) => {
    const word = Array.from(sentence1).slice(start1, end1).join('');
    const question = `Question: Is the word '${word}' used in the same way in the two sentences above?`;
    return [
      {
        text: `Sentence 1: ${sentence1}\nSentence 2: ${sentence2}\n${question}\nAnswer:`,
        choices: ['no', 'yes'],
        answer: Number(label),
      },
    ];
  },
);

export const multirc = format(
  {
    name: 'MultiRC',
    title: 'Multi-Sentence Reading Comprehension',
    note:
      'Each answer is an item of its own, and "yes" is right where its label is 1. lm-evaluation-harness ' +
      '0.4.13 lists yes before no and ' +
      'takes the label as the index, so there "no" counts as right for label 1: its accuracy is 1 minus this ' +
      'one. It also reads a backslash ' +
      'in an answer as an escape of Python; here answers are unchanged.',
  },
  z.object({
    passage: z.object({
      text: boundedText,
      questions: boundedList(
        z.object({
          question: boundedText,
          answers: boundedList(z.object({ text: boundedText, label: z.union([z.literal(0), z.literal(1)]) })),
        }),
      ),
    }),
  }),
  ({ passage }) =>
    passage.questions.flatMap(({ question, answers }) =>
      answers.map(({ text, label }) => ({
        text: `${passage.text}\nQuestion: ${question}\nAnswer:`,
        choices: ['yes', 'no'].map((word) => `${text}\nIs the answer correct? ${word}`),
        answer: 1 - label,
        passage: passage.text,
      })),
    ),
);

const uniqueSorted = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort(compareTexts);

export const record = format(
  {
    name: 'ReCoRD',
    title: 'Reading Comprehension with Commonsense Reasoning',
    note:
      'The choices are the entities of the passage, put into the query. Where several are right, the first in ' +
      'order is kept and the others ' +
      'are left out of the choices, since an item has one answer (lm-evaluation-harness keeps them all and ' +
      'counts each as right).',
  },
  z.object({
    passage: z.object({ text: boundedText, entities: boundedList(z.object({ start: position, end: position })) }),
    qas: boundedList(z.object({ query: boundedText, answers: boundedList(z.object({ text: boundedText })).min(1) })),
  }),
  ({ passage, qas }) => {
    const characters = Array.from(passage.text);
    // `end` is the index of the last character.
    const entities = uniqueSorted(passage.entities.map(({ start, end }) => characters.slice(start, end + 1).join('')));
    const [body = '', ...highlights] = strip(passage.text, 'both', null).split('\n@highlight\n');
    const text = `${body}\n\n${highlights.map((highlight) => `  - ${highlight}.\n`).join('')}`;
    return qas.map(({ query, answers }): FormattedQuestion => {
      const right = uniqueSorted(answers.map((answer) => answer.text));
      const answer = right.find((name) => entities.includes(name));
      const choices = entities.filter((entity) => entity === answer || !right.includes(entity));
      if (answer === undefined || choices.length < 2) return null;
      return {
        text,
        choices: choices.map((entity) => `  - ${query.split('@placeholder').join(entity)}`),
        answer: choices.indexOf(answer),
        passage: passage.text,
      };
    });
  },
);

/**
 * Corrects spans that are not in their text (wrong case, a full stop or a line end) like the data set's configuration
 * "wsc.fixed", which lm-evaluation-harness reads.
 */
const correctedSpan = (text: string, span: string, index: number): string => {
  // Two spans are interrupted by other words in their texts and stay unchanged.
  if (text.includes(span) || span === 'Kamenev and Zinoviev' || span === 'Kamenev, Zinoviev, and Stalin') return span;
  const [wordStart = ''] = Array.from(splitAtSpace(text)[index] ?? '');
  const [first = '', ...rest] = Array.from(span);
  const isSmall = wordStart !== wordStart.toUpperCase();
  const cased = (isSmall ? first.toLowerCase() : first.toUpperCase()) + rest.join('');
  return strip(cased, 'right', '.').replaceAll('\n', ' ');
};

/** Removes the spaces around punctuation of tokenised English. */
const detokenised = (text: string): string =>
  text
    .replaceAll(" n't", "n't")
    .replaceAll(' )', ')')
    .replaceAll('( ', '(')
    .replaceAll('" ', '"')
    .replaceAll(' "', '"')
    .replace(/ (['.,])/g, '$1');

export const wsc = format(
  {
    name: 'WSC',
    title: 'Winograd Schema Challenge',
    note: 'Spans that do not occur in their texts are corrected as in the configuration wsc.fixed of the data set.',
  },
  z.object({
    text: boundedText,
    target: z.object({
      span1_index: position,
      span1_text: boundedText.min(1),
      span2_index: position,
      span2_text: boundedText.min(1),
    }),
    label: z.boolean(),
  }),
  ({ text, target, label }, location) => {
    // One row joins two words, which shifts its index.
    const isJoined = target.span2_text.includes('theyscold') && !text.includes(target.span2_text);
    const index = isJoined ? 10 : target.span2_index;
    const noun = correctedSpan(text, target.span1_text, target.span1_index);
    const pronoun = correctedSpan(text, target.span2_text, index);
    if (!text.includes(pronoun)) {
      throw refuse(
        'bad-item',
        `${location}: target.span2_text ${JSON.stringify(pronoun)} is not in the text.`,
        'Correct the span.',
      );
    }
    const before = splitAtSpace(text).slice(0, index).join(' ');
    const after = Array.from(text)
      .slice(Array.from(before).length + Array.from(pronoun).length + 1)
      .join('');
    const passage = detokenised(`${before} *${pronoun}*${after}`);
    return [
      {
        text:
          `Passage: ${passage}\nQuestion: In the passage above, does the pronoun "*${pronoun}*" refer to ` +
          `"*${noun}*"?\nAnswer:`,
        choices: ['no', 'yes'],
        answer: Number(label),
      },
    ];
  },
);
