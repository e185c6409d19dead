import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';

/** Classes of a token, by its own text and the text before it (`tokenClass` in profile/). */
export const tokenClasses = [
  'word start',
  'continuation',
  'digit',
  'punctuation',
  'white space',
  'special',
  'other',
] as const;
export type TokenClass = (typeof tokenClasses)[number];

/** Numbers of an item's positions of one class of tokens, each with its column: a list by class. */
const classColumns = { positions: 'class_positions', kl: 'class_kl', changed: 'class_changed' } as const;

/** Fidelity at the positions of one class: means over those of one item. */
export type ClassFidelity = Readonly<Record<keyof typeof classColumns, number>>;

/** Numbers of an item's fidelity, each with its column in a run's outcomes. */
const fidelityColumns = {
  positions: 'scored_positions',
  /** Sum of p (log p - log q), in nats; `reverseKl` with p and q exchanged. */
  kl: 'kl',
  reverseKl: 'reverse_kl',
  /** Share of positions whose likeliest token is another one. */
  changed: 'changed_token',
  /** Sum of min(p, q): the chance that p would accept a token that q proposes. */
  acceptance: 'acceptance',
} as const;

/**
 * How far a candidate's next-token distributions q are from the unpruned model's p: means over the scored positions of
 * one item. Positions of the prefix that all choices of the item share count once; those that only some of them share
 * count once for each.
 */
export interface ItemFidelity extends Readonly<Record<keyof typeof fidelityColumns, number>> {
  /**
   * The same by the class of the token at the position, after which the distribution is; classes without positions are
   * left out. Absent in outcomes of earlier versions, and without a tokenizer.
   */
  readonly classes?: Readonly<Partial<Record<TokenClass, ClassFidelity>>> | undefined;
}

/** Makes a value for every name of a table, in its order. */
const byNames = <Name extends string>(
  table: Readonly<Record<Name, unknown>>,
): (<V>(of: (name: Name) => V) => Record<Name, V>) => {
  const isName = (name: string): name is Name => Object.hasOwn(table, name);
  const names = Object.keys(table).filter(isName);
  return <V>(of: (name: Name) => V) => {
    const made: Partial<Record<Name, V>> = {};
    const isWhole = (some: typeof made): some is Record<Name, V> => names.every((name) => name in some);
    for (const name of names) made[name] = of(name);
    if (!isWhole(made)) throw new Error('a name without a value');
    return made;
  };
};
const byClassNumber = byNames(classColumns);
const byNumber = byNames(fidelityColumns);

/** The numbers of an item's fidelity, in the order of the table. */
export const fidelityNumbers = (fidelity: ItemFidelity): readonly number[] =>
  Object.values(byNumber((name) => fidelity[name]));

/** Fewest tokens of a loop: a shorter text cannot loop. */
export const FEWEST_LOOPED = 32;

const whole = z.number().int();

/** A loop at the end of a generated text: its first token, and that token's place in the text in UTF-16 units. */
const textLoop = z.object({
  token: whole,
  character: whole,
  /** Tokens after which the text repeats; null where it repeats without a period. */
  period: whole.nullable(),
});
export type TextLoop = Readonly<z.output<typeof textLoop>>;

/** Types of an item's values. */
const valueTypes = {
  whole,
  real: z.number(),
  truth: z.boolean(),
  text: boundedText,
  ending: z.enum(['until', 'end', 'length']),
  wholes: boundedList(whole),
  reals: boundedList(z.number()),
} as const;
export type ValueType = keyof typeof valueTypes;
export type Value<T extends ValueType> = Readonly<z.output<(typeof valueTypes)[T]>>;

const isFinite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const isList = (value: unknown, isEntry: (entry: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isEntry);
const endings: ReadonlySet<unknown> = new Set(valueTypes.ending.options);
/** Values as a Parquet file has them: a list that is empty is an empty cell. */
const cellChecks: Readonly<Record<ValueType, (value: unknown) => boolean>> = {
  whole: Number.isInteger,
  real: isFinite,
  truth: (value) => typeof value === 'boolean',
  text: (value) => typeof value === 'string',
  ending: (value) => endings.has(value),
  wholes: (value) => isList(value, Number.isInteger),
  reals: (value) => isList(value, isFinite),
};
export const isCell = <T extends ValueType>(value: unknown, type: T): value is Value<T> => cellChecks[type](value);

/** An item's cells in a Parquet file. */
export interface Cells {
  hasColumn(column: string): boolean;
  /** Null: the cell is empty, or there is no such column. Throws a TypeError for a value of another type. */
  read<T extends ValueType>(column: string, type: T): Value<T> | null;
  /** The same of a cell that must have a value. */
  demand<T extends ValueType>(column: string, type: T): Value<T>;
}

/** The entry of an item in a list of a step. */
type EntryOf = <T>(list: readonly T[]) => T;

const kinds = ['choice', 'text', 'written'] as const;
type OutcomeKind = (typeof kinds)[number];

/**
 * A field of outcomes. Steps store the values of all items together, most as a list; Parquet files have a row for each
 * item. Methods take values of the field's own type: `V`, or what `schema` has read.
 */
interface OutcomeField<V = unknown, Kind = OutcomeKind, Optional = boolean> {
  /** The kinds of outcomes that have it; none: a column alone, whose value follows from other fields. */
  readonly kinds: readonly Kind[];
  readonly isOptional: Optional;
  /** Its name in steps; undefined: that of the field. */
  readonly inStep?: string;
  readonly schema: z.ZodType;
  /** Undefined: the step has none. */
  toStep(values: readonly (V | undefined)[]): unknown;
  fromStep(stored: unknown, entryOf: EntryOf): V | undefined;
  /** Columns of Parquet files. */
  readonly columns: Readonly<Record<string, ValueType>>;
  toCells(value: V | undefined, row: Record<string, unknown>): void;
  fromCells(cells: Cells): V | undefined;
}

const isDefined = <V>(value: V | undefined): value is V => value !== undefined;

/** The values, if every item has one. */
const ofAll = <V>(values: readonly (V | undefined)[]): readonly V[] | undefined => {
  const found = values.filter(isDefined);
  return found.length > 0 && found.length === values.length ? found : undefined;
};

/** A field that every outcome of its kinds has, with one column. */
const required = <Kind extends OutcomeKind, T extends ValueType>(
  ofKinds: readonly Kind[],
  column: string,
  type: T,
): OutcomeField<Value<T>, Kind, false> => ({
  kinds: ofKinds,
  isOptional: false,
  schema: boundedList(valueTypes[type]),
  toStep: (values) => values,
  fromStep: (stored: readonly Value<T>[], entryOf) => entryOf(stored),
  columns: { [column]: type },
  toCells: (value, row) => {
    row[column] = value;
  },
  fromCells: (cells) => cells.demand(column, type),
});

/** A field that not every outcome has: steps have it if all items of a task have it. Null: it has no column. */
const optional = <Kind extends OutcomeKind, T extends ValueType>(
  ofKinds: readonly Kind[],
  column: string | null,
  type: T,
): OutcomeField<Value<T>, Kind, true> => ({
  ...required(ofKinds, column ?? '', type),
  isOptional: true,
  toStep: ofAll,
  ...(column === null
    ? { columns: {}, toCells: () => undefined, fromCells: () => undefined }
    : { fromCells: (cells: Cells) => cells.read(column, type) ?? undefined }),
});

const NO_LOOP_KNOWN = -1;
/** Empty cells say that there is no loop, and -1 that it is not known whether there is one. */
const loop: OutcomeField<TextLoop | null, 'written', true> = {
  kinds: ['written'],
  isOptional: true,
  inStep: 'loops',
  schema: boundedList(textLoop.nullable()),
  toStep: ofAll,
  fromStep: (stored: readonly (TextLoop | null)[], entryOf) => entryOf(stored),
  columns: { loop_token: 'whole', loop_character: 'whole', loop_period: 'whole' },
  toCells: (value, row) => {
    if (value === null) return;
    row['loop_token'] = value?.token ?? NO_LOOP_KNOWN;
    row['loop_character'] = value?.character;
    row['loop_period'] = value?.period;
  },
  fromCells: (cells) => {
    const token = cells.read('loop_token', 'whole');
    if (token === NO_LOOP_KNOWN || !cells.hasColumn('loop_token')) return undefined;
    if (token === null) return null;
    return { token, character: cells.demand('loop_character', 'whole'), period: cells.read('loop_period', 'whole') };
  },
};

const NO_CLASS: ClassFidelity = { positions: 0, kl: 0, changed: 0 };

/** The classes that have positions; undefined: none are stated. */
const classesFrom = (of: (name: TokenClass) => ClassFidelity): ItemFidelity['classes'] =>
  Object.fromEntries(
    tokenClasses.flatMap((name) => {
      const found = of(name);
      return found.positions === 0 ? [] : [[name, found] as const];
    }),
  );

const classLists = z.partialRecord(
  z.enum(tokenClasses),
  z.object(byClassNumber((name) => boundedList(name === 'positions' ? whole : z.number()))),
);

const fidelityLists = z.object({
  ...byNumber((name) => boundedList(name === 'positions' ? whole : z.number())),
  /** By class of token, those that occur; absent in earlier versions. */
  classes: classLists.optional(),
});

/** Classes of items as lists, if all items that have positions have them. */
const classesToStep = (items: readonly ItemFidelity[]): z.output<typeof classLists> | undefined => {
  if (items.some(({ positions, classes }) => positions > 0 && classes === undefined)) return undefined;
  if (items.every(({ classes }) => classes === undefined)) return undefined;
  return Object.fromEntries(
    tokenClasses.flatMap((name) => {
      const ofClass = items.map(({ classes }) => classes?.[name] ?? NO_CLASS);
      if (ofClass.every(({ positions }) => positions === 0)) return [];
      return [[name, byClassNumber((number) => ofClass.map((entry) => entry[number]))] as const];
    }),
  );
};

const fidelity: OutcomeField<ItemFidelity, OutcomeKind, true> = {
  kinds,
  isOptional: true,
  schema: fidelityLists,
  toStep: (values) => {
    const items = ofAll(values);
    if (items === undefined) return undefined;
    const classes = classesToStep(items);
    return {
      ...byNumber((name) => items.map((item) => item[name])),
      ...(classes === undefined ? {} : { classes }),
    };
  },
  fromStep: ({ classes, ...lists }: z.output<typeof fidelityLists>, entryOf) => {
    const numbers = byNumber((name) => entryOf(lists[name]));
    if (classes === undefined || numbers.positions === 0) return numbers;
    const ofClass = (name: TokenClass): ClassFidelity => {
      const found = classes[name];
      return found === undefined ? NO_CLASS : byClassNumber((number) => entryOf(found[number]));
    };
    return { ...numbers, classes: classesFrom(ofClass) };
  },
  columns: {
    ...Object.fromEntries(
      Object.values(fidelityColumns).map((column) => [column, column === fidelityColumns.positions ? 'whole' : 'real']),
    ),
    ...Object.fromEntries(Object.values(classColumns).map((column) => [column, 'reals'])),
  },
  toCells: (value, row) => {
    if (value === undefined) return;
    const { classes } = value;
    byNumber((name) => (row[fidelityColumns[name]] = value[name]));
    if (classes === undefined) return;
    byClassNumber((number) => {
      row[classColumns[number]] = tokenClasses.map((name) => (classes[name] ?? NO_CLASS)[number]);
    });
  },
  fromCells: (cells) => {
    if (cells.read(fidelityColumns.positions, 'whole') === null) return undefined;
    const numbers = byNumber((name) => cells.demand(fidelityColumns[name], name === 'positions' ? 'whole' : 'real'));
    if (cells.read(classColumns.positions, 'reals') === null) return numbers;
    const lists = byClassNumber((number) => cells.demand(classColumns[number], 'reals'));
    const ofClass = (name: TokenClass): ClassFidelity => {
      const place = tokenClasses.indexOf(name);
      return byClassNumber((number) => lists[number][place] ?? (number === 'positions' ? 0 : NaN));
    };
    return { ...numbers, classes: classesFrom(ofClass) };
  },
};

/**
 * All fields of outcomes but `kind` and `id`, in the order of their columns in Parquet files. From them follow the
 * types below, what steps store, and what a run's `outcomes.parquet` has.
 */
export const outcomeFields = {
  answer: required(['choice'], 'answer', 'whole'),
  /** Other right choices, where the item has several; in steps an empty list for an item that has none. */
  alsoRight: {
    ...optional(['choice'], 'also_right', 'wholes'),
    toStep: (values: readonly (readonly number[] | undefined)[]) =>
      values.some(isDefined) ? values.map((value) => value ?? []) : undefined,
    fromStep: (stored: readonly (readonly number[])[], entryOf: EntryOf) => {
      const found = entryOf(stored);
      return found.length === 0 ? undefined : found;
    },
  },
  /** Choice with the largest sum, and with the largest sum / characters (ties: the lower index). */
  chosen: required(['choice'], 'chosen', 'whole'),
  chosenNorm: required(['choice'], 'chosen_norm', 'whole'),
  /** Whether the filtered text is right; the columns say it of choices too. */
  correct: required(['written'], 'correct', 'truth'),
  correctNorm: required<never, 'truth'>([], 'correct_norm', 'truth'),
  /** Log-likelihood of a text. */
  logprob: required(['text'], 'logprob', 'real'),
  /** Sum of log-probabilities (natural log, float32) of each choice. */
  logprobs: required(['choice'], 'logprobs', 'reals'),
  /** Tokens of a text; generated tokens, including an end token. */
  tokens: required(['text', 'written'], 'tokens', 'whole'),
  /** Tokens cut from the left of the context to fit the model's positions, or to leave room for new ones. */
  truncatedTokens: required(['choice', 'written'], 'truncated_tokens', 'whole'),
  /**
   * The item's group, where it has one; or the item, where it was written several times: texts of one item are not
   * independent.
   */
  group: { ...optional(['choice', 'written'], 'item_group', 'text'), inStep: 'groups' },
  /** Decoded text, cut at the first stop string. */
  text: required(['written'], 'written', 'text'),
  /** The text after the task's filters (of its first pipeline, which gives the metric). */
  filtered: required(['written'], 'filtered', 'text'),
  /** End of the text: by a stop string, an end token, or its length. */
  stopped: required(['written'], 'stopped', 'ending'),
  /** The loop that a text without another end was in, or null; absent in outcomes of earlier versions. */
  loop,
  /** Where the sweep measured it: for a written text at every token of the unpruned model's text. */
  fidelity,
  /** The tokens of the text, of the unpruned model where fidelity is measured. */
  tokenIds: optional(['written'], null, 'wholes'),
} as const satisfies Readonly<Record<string, OutcomeField>>;

type Fields = typeof outcomeFields;
type ValueOf<Name extends keyof Fields> = Exclude<ReturnType<Fields[Name]['fromCells']>, undefined>;
type NameOf<Kind extends OutcomeKind, Optional extends boolean> = {
  [Name in keyof Fields]: Kind extends Fields[Name]['kinds'][number]
    ? Fields[Name]['isOptional'] extends Optional
      ? Name
      : never
    : never;
}[keyof Fields];
type OutcomeOf<Kind extends OutcomeKind> = { readonly kind: Kind; readonly id: string } & {
  readonly [Name in NameOf<Kind, false>]: ValueOf<Name>;
} & { readonly [Name in NameOf<Kind, true>]?: ValueOf<Name> | undefined };

/** A model's answer to one multiple-choice item, by log-likelihood as lm-evaluation-harness defines it. */
export type ChoiceOutcome = OutcomeOf<'choice'>;
/** Rolling log-likelihood of one text. */
export type TextOutcome = OutcomeOf<'text'>;
/** A model's generated text for one item, and how the task's filters read it. */
export type WrittenOutcome = OutcomeOf<'written'>;

/** Outcomes computed from log-probabilities. */
export type ScoredOutcome = ChoiceOutcome | TextOutcome;

export type ItemOutcome = ScoredOutcome | WrittenOutcome;

const fieldsOf = (kind: OutcomeKind): readonly (readonly [name: string, field: OutcomeField])[] =>
  Object.entries<OutcomeField>(outcomeFields).filter(([, { kinds: having }]) => having.includes(kind));
/** The fields of each kind by name. */
export const kindFields = { choice: fieldsOf('choice'), text: fieldsOf('text'), written: fieldsOf('written') };

/** An outcome of the values that its fields have; null if one is missing. */
export const outcomeOf = (
  kind: OutcomeKind,
  id: string,
  valueOf: (field: OutcomeField, name: string) => unknown,
): ItemOutcome | null => {
  const made: Record<string, unknown> = { kind, id };
  let isWhole = true;
  for (const [name, field] of kindFields[kind]) {
    const value = valueOf(field, name);
    if (value !== undefined) made[name] = value;
    else isWhole &&= field.isOptional;
  }
  const isOutcome = (some: Readonly<Record<string, unknown>>): some is ItemOutcome => isWhole && some['kind'] === kind;
  return isOutcome(made) ? made : null;
};
