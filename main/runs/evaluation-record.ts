import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { type RoundedType, roundedType } from '../contract/export.ts';
import {
  byFidelityField,
  type ChoiceOutcome,
  type ClassFidelity,
  fidelityFields,
  type ItemFidelity,
  type ItemOutcome,
  type ScoredOutcome,
  type TextOutcome,
  tokenClasses,
  type WrittenOutcome,
} from '../contract/outcome.ts';
import { plan, type Plan } from '../contract/plan.ts';

const whole = z.number().int();

/** Fidelity of each item; absent where the sweep did not measure it. */
const fidelityColumns = z
  .object({
    ...byFidelityField((name) => boundedList(fidelityFields[name].isCount ? whole : z.number())),
    /** By class of token, those that occur; absent in earlier versions. */
    classes: z
      .partialRecord(
        z.enum(tokenClasses),
        z.object({ positions: boundedList(whole), kl: boundedList(z.number()), changed: boundedList(z.number()) }),
      )
      .optional(),
  })
  .optional();

type FidelityColumns = NonNullable<z.output<typeof fidelityColumns>>;

const choiceColumns = z.object({
  kind: z.literal('choice'),
  ids: boundedList(boundedText),
  answer: boundedList(whole),
  /** Other right choices of each item; absent where no item has any. */
  alsoRight: boundedList(boundedList(whole)).optional(),
  chosen: boundedList(whole),
  chosenNorm: boundedList(whole),
  truncatedTokens: boundedList(whole),
  logprobs: boundedList(boundedList(z.number())),
  /** Group of each item, if all items have one. */
  groups: boundedList(boundedText).optional(),
  fidelity: fidelityColumns,
});

const textColumns = z.object({
  kind: z.literal('text'),
  ids: boundedList(boundedText),
  tokens: boundedList(whole),
  logprob: boundedList(z.number()),
  fidelity: fidelityColumns,
});

const writtenColumns = z.object({
  kind: z.literal('written'),
  ids: boundedList(boundedText),
  text: boundedList(boundedText),
  filtered: boundedList(boundedText),
  correct: boundedList(z.boolean()),
  tokens: boundedList(whole),
  stopped: boundedList(z.enum(['until', 'end', 'length'])),
  /** Where each text loops; absent in records of earlier versions. */
  loops: boundedList(z.object({ token: whole, character: whole, period: whole.nullable() }).nullable()).optional(),
  truncatedTokens: boundedList(whole),
  /** Present for items that were written several times. */
  groups: boundedList(boundedText).optional(),
  fidelity: fidelityColumns,
  /** Tokens that the unpruned model wrote, where fidelity is measured. */
  tokenIds: boundedList(boundedList(whole)).optional(),
});

/** Outcomes by column: a third of the size of one object per item. */
const outcomeColumns = z.discriminatedUnion('kind', [choiceColumns, textColumns, writtenColumns]);
type Columns = z.output<typeof outcomeColumns>;

const fidelityOf = (outcomes: readonly ItemOutcome[]): { fidelity?: z.output<typeof fidelityColumns> } => {
  const items = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
  if (items.length === 0 || items.length < outcomes.length) return {};
  return {
    fidelity: {
      ...byFidelityField((name) => items.map((item) => item[name])),
      ...classColumns(items),
    },
  };
};

const NO_CLASS: ClassFidelity = { positions: 0, kl: 0, changed: 0 };

/** Classes of items by column, if all items that have positions have them. */
const classColumns = (items: readonly ItemFidelity[]): Pick<FidelityColumns, 'classes'> => {
  if (items.some(({ positions, classes }) => positions > 0 && classes === undefined)) return {};
  if (items.every(({ classes }) => classes === undefined)) return {};
  const found = tokenClasses.flatMap((name) => {
    const ofClass = items.map(({ classes }) => classes?.[name] ?? NO_CLASS);
    if (ofClass.every(({ positions }) => positions === 0)) return [];
    const [positions, kl, changed] = (['positions', 'kl', 'changed'] as const).map((of) =>
      ofClass.map((entry) => entry[of]),
    );
    return [[name, { positions, kl, changed }] as const];
  });
  return { classes: Object.fromEntries(found) };
};

/** Outcomes of one task by column; a task's items are of one kind. */
const columnsOf = (outcomes: readonly ItemOutcome[]): Columns => {
  const choices = outcomes.filter((outcome): outcome is ChoiceOutcome => outcome.kind === 'choice');
  const texts = outcomes.filter((outcome): outcome is TextOutcome => outcome.kind === 'text');
  const written = outcomes.filter((outcome): outcome is WrittenOutcome => outcome.kind === 'written');
  if ([choices, texts, written].filter(({ length }) => length > 0).length > 1)
    throw new Error('a task contains items of one kind');
  const ids = outcomes.map(({ id }) => id);
  if (texts.length > 0) {
    return {
      kind: 'text',
      ids,
      tokens: texts.map(({ tokens }) => tokens),
      logprob: texts.map(({ logprob }) => logprob),
      ...fidelityOf(texts),
    };
  }
  if (written.length > 0) {
    return {
      kind: 'written',
      ids,
      text: written.map(({ text }) => text),
      filtered: written.map(({ filtered }) => filtered),
      correct: written.map(({ correct }) => correct),
      tokens: written.map(({ tokens }) => tokens),
      stopped: written.map(({ stopped }) => stopped),
      ...(written.every(({ loop }) => loop !== undefined) ? { loops: written.map(({ loop }) => loop ?? null) } : {}),
      truncatedTokens: written.map(({ truncatedTokens }) => truncatedTokens),
      ...groupsOf(written),
      ...fidelityOf(written),
      ...(written.every(({ tokenIds }) => tokenIds !== undefined)
        ? { tokenIds: written.map(({ tokenIds }) => [...(tokenIds ?? [])]) }
        : {}),
    };
  }
  const columns: z.output<typeof choiceColumns> = {
    kind: 'choice',
    ids,
    answer: choices.map(({ answer }) => answer),
    ...(choices.every(({ alsoRight }) => alsoRight === undefined)
      ? {}
      : { alsoRight: choices.map(({ alsoRight }) => [...(alsoRight ?? [])]) }),
    chosen: choices.map(({ chosen }) => chosen),
    chosenNorm: choices.map(({ chosenNorm }) => chosenNorm),
    truncatedTokens: choices.map(({ truncatedTokens }) => truncatedTokens),
    logprobs: choices.map(({ logprobs }) => [...logprobs]),
    ...fidelityOf(choices),
  };
  return { ...columns, ...groupsOf(choices) };
};

const groupsOf = (outcomes: readonly (ChoiceOutcome | WrittenOutcome)[]): { groups?: string[] } => {
  const groups = outcomes.flatMap(({ group }) => group ?? []);
  return groups.length > 0 && groups.length === outcomes.length ? { groups } : {};
};

/** The inverse of `columnsOf`; columns of different lengths are an issue of the context. */
const outcomesOf = (columns: Columns, context: z.core.$RefinementCtx): readonly ItemOutcome[] => {
  const cell = <T>(column: readonly T[], row: number): T => {
    const value = column[row];
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: 'columns of different lengths', input: column });
    return z.NEVER;
  };
  const fidelityAt = (fidelityLists: z.output<typeof fidelityColumns>, row: number): Pick<ScoredOutcome, 'fidelity'> =>
    fidelityLists === undefined
      ? {}
      : {
          fidelity: {
            ...byFidelityField((name) => cell(fidelityLists[name], row)),
            ...classesAt(fidelityLists, row),
          },
        };
  const classesAt = ({ classes, positions }: FidelityColumns, row: number): Pick<ItemFidelity, 'classes'> => {
    if (classes === undefined || positions[row] === 0) return {};
    const found = tokenClasses.flatMap((name) => {
      const ofClass = classes[name];
      if (ofClass === undefined || cell(ofClass.positions, row) === 0) return [];
      const means = { kl: cell(ofClass.kl, row), changed: cell(ofClass.changed, row) };
      return [[name, { positions: cell(ofClass.positions, row), ...means }] as const];
    });
    return { classes: Object.fromEntries(found) };
  };
  const alsoRightAt = (lists: readonly (readonly number[])[] | undefined, row: number): { alsoRight?: number[] } => {
    const rightChoices = lists === undefined ? [] : cell(lists, row);
    return rightChoices.length === 0 ? {} : { alsoRight: [...rightChoices] };
  };
  return columns.ids.map((id, row): ItemOutcome => {
    switch (columns.kind) {
      case 'text':
        return {
          kind: 'text',
          id,
          tokens: cell(columns.tokens, row),
          logprob: cell(columns.logprob, row),
          ...fidelityAt(columns.fidelity, row),
        };
      case 'written':
        return {
          kind: 'written',
          id,
          text: cell(columns.text, row),
          filtered: cell(columns.filtered, row),
          correct: cell(columns.correct, row),
          tokens: cell(columns.tokens, row),
          stopped: cell(columns.stopped, row),
          ...(columns.loops === undefined ? {} : { loop: cell(columns.loops, row) }),
          truncatedTokens: cell(columns.truncatedTokens, row),
          ...(columns.groups === undefined ? {} : { group: cell(columns.groups, row) }),
          ...fidelityAt(columns.fidelity, row),
          ...(columns.tokenIds === undefined ? {} : { tokenIds: cell(columns.tokenIds, row) }),
        };
      case 'choice': {
        const outcome: ChoiceOutcome = {
          kind: 'choice',
          id,
          logprobs: cell(columns.logprobs, row),
          chosen: cell(columns.chosen, row),
          chosenNorm: cell(columns.chosenNorm, row),
          answer: cell(columns.answer, row),
          ...alsoRightAt(columns.alsoRight, row),
          truncatedTokens: cell(columns.truncatedTokens, row),
          ...fidelityAt(columns.fidelity, row),
        };
        return columns.groups === undefined ? outcome : { ...outcome, group: cell(columns.groups, row) };
      }
    }
  });
};

const storedRecord = z.object({
  kind: z.literal('evaluation'),
  model: z.object({ name: boundedText, fingerprint: boundedText }),
  task: boundedText,
  items: boundedText,
  plan: plan.nullable(),
  /** Absent: as stored. */
  weights: roundedType.optional(),
  outcomes: outcomeColumns,
});

/**
 * An evaluation as stored in a step: the model and plan that ran, the hash of the items, and the answer to each item.
 */
export interface EvaluationRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: string;
  readonly items: string;
  readonly plan: Plan | null;
  /** Type as which the weights were rounded; undefined: as stored. */
  readonly weights?: RoundedType | undefined;
  readonly outcomes: readonly ItemOutcome[];
}

/** The value that a step stores. */
export const encodeEvaluation = ({
  model,
  task,
  items,
  plan: ran,
  weights,
  outcomes,
}: EvaluationRecord): z.input<typeof storedRecord> => ({
  kind: 'evaluation',
  model,
  task,
  items,
  plan: ran,
  ...(weights === undefined ? {} : { weights }),
  outcomes: columnsOf(outcomes),
});

/** Reads a value of `encodeEvaluation` after a round trip through JSON. */
export const evaluationRecord = storedRecord.transform(
  ({ model, task, items, plan: ran, weights, outcomes }, context): EvaluationRecord => ({
    model,
    task,
    items,
    plan: ran,
    weights,
    outcomes: outcomesOf(outcomes, context),
  }),
);
