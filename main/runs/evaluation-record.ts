import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { roundedType } from '../contract/export.ts';
import { type ItemOutcome, kindFields, outcomeOf } from '../contract/outcome.ts';
import { plan } from '../contract/plan.ts';

type Kind = ItemOutcome['kind'];

/** The outcomes of a task's items by field: a third of the size of one object per item. */
const listsOf = <K extends Kind>(kind: K) =>
  z.object({
    kind: z.literal(kind),
    ids: boundedList(boundedText),
    ...Object.fromEntries(
      kindFields[kind].map(([name, { inStep = name, isOptional, schema }]) => [
        inStep,
        isOptional ? schema.optional() : schema,
      ]),
    ),
  });
const outcomeLists = z.discriminatedUnion('kind', [listsOf('choice'), listsOf('text'), listsOf('written')]);
type OutcomeLists = z.output<typeof outcomeLists>;

/** Outcomes of one task, whose items are of one kind. */
const toLists = (outcomes: readonly ItemOutcome[]): OutcomeLists => {
  const kind: Kind = outcomes[0]?.kind ?? 'choice';
  if (outcomes.some((outcome) => outcome.kind !== kind)) throw new Error('a task contains items of one kind');
  const entries: readonly Readonly<Record<string, unknown>>[] = outcomes;
  const lists = kindFields[kind].flatMap(([name, { inStep = name, toStep }]) => {
    const stored = toStep(entries.map((entry) => entry[name]));
    return stored === undefined ? [] : [[inStep, stored] as const];
  });
  return { kind, ids: outcomes.map(({ id }) => id), ...Object.fromEntries(lists) };
};

/** The inverse of `toLists`; lists of different lengths are an issue of the payload. */
const fromLists = (lists: OutcomeLists, payload: z.core.ParsePayload): readonly ItemOutcome[] => {
  const { kind, ids } = lists;
  const stored: Readonly<Record<string, unknown>> = lists;
  return ids.map((id, item): ItemOutcome => {
    const entryOf = <T>(list: readonly T[]): T => {
      const value = list[item];
      if (value !== undefined) return value;
      payload.issues.push({ code: 'custom', message: 'columns of different lengths', input: list });
      return z.NEVER;
    };
    const outcome = outcomeOf(kind, id, ({ inStep, fromStep }, name) => {
      const list = stored[inStep ?? name];
      return list === undefined ? undefined : fromStep(list, entryOf);
    });
    return outcome ?? z.NEVER;
  });
};

/**
 * An evaluation as stored in a step: the model and plan that ran, the hash of the items, and the answer to each item.
 * It is encoded (`z.encode`) into JSON with a list for each field of the outcomes.
 */
export const evaluationRecord = z.object({
  kind: z.literal('evaluation'),
  model: z.object({ name: boundedText, fingerprint: boundedText }),
  task: boundedText,
  items: boundedText,
  plan: plan.nullable(),
  /** Type as which the weights were rounded; absent: as stored. */
  weights: roundedType.optional(),
  outcomes: z.codec(outcomeLists, z.custom<readonly ItemOutcome[]>(), { decode: fromLists, encode: toLists }),
});
