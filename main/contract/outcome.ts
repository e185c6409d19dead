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

/** Fidelity at the positions of one class: means over those of one item. */
export interface ClassFidelity {
  readonly positions: number;
  readonly kl: number;
  readonly changed: number;
}

/**
 * Numbers of an item's fidelity, each with its column in a run's outcomes: steps and Parquet files write and read them
 * by this table, in this order.
 */
export const fidelityFields = {
  positions: { column: 'scored_positions', isCount: true },
  /** Sum of p (log p - log q), in nats; `reverseKl` with p and q exchanged. */
  kl: { column: 'kl', isCount: false },
  reverseKl: { column: 'reverse_kl', isCount: false },
  /** Share of positions whose likeliest token is another one. */
  changed: { column: 'changed_token', isCount: false },
  /** Sum of min(p, q): the chance that p would accept a token that q proposes. */
  acceptance: { column: 'acceptance', isCount: false },
} as const;
export type FidelityField = keyof typeof fidelityFields;

const isFidelityField = (name: string): name is FidelityField => Object.hasOwn(fidelityFields, name);
const fidelityNames = Object.keys(fidelityFields).filter(isFidelityField);

/** A value for every field, in the order of the table. */
export const byFidelityField = <V>(of: (name: FidelityField) => V): Record<FidelityField, V> => {
  const made: Partial<Record<FidelityField, V>> = {};
  const isWhole = (some: typeof made): some is Record<FidelityField, V> => fidelityNames.every((name) => name in some);
  for (const name of fidelityNames) made[name] = of(name);
  if (!isWhole(made)) throw new Error('a field of fidelity without a value');
  return made;
};

/**
 * How far a candidate's next-token distributions q are from the unpruned model's p: means over the scored positions of
 * one item. Positions of the prefix that all choices of the item share count once; those that only some of them share
 * count once for each.
 */
export interface ItemFidelity extends Readonly<Record<FidelityField, number>> {
  /**
   * The same by the class of the token at the position, after which the distribution is; classes without positions are
   * left out. Absent in outcomes of earlier versions, and without a tokenizer.
   */
  readonly classes?: Readonly<Partial<Record<TokenClass, ClassFidelity>>> | undefined;
}

/** A model's answer to one multiple-choice item, by log-likelihood as lm-evaluation-harness defines it. */
export interface ChoiceOutcome {
  readonly kind: 'choice';
  readonly id: string;
  /** Sum of log-probabilities (natural log, float32) of each choice. */
  readonly logprobs: readonly number[];
  /** Choice with the largest sum, and with the largest sum / characters (ties: the lower index). */
  readonly chosen: number;
  readonly chosenNorm: number;
  readonly answer: number;
  /** Other right choices, where the item has several. */
  readonly alsoRight?: readonly number[] | undefined;
  /** Tokens cut from the left of the context to fit the model's positions. */
  readonly truncatedTokens: number;
  /** The item's group, where it has one. */
  readonly group?: string | undefined;
  /** Where the sweep measured it. */
  readonly fidelity?: ItemFidelity | undefined;
}

/** Rolling log-likelihood of one text. */
export interface TextOutcome {
  readonly kind: 'text';
  readonly id: string;
  readonly logprob: number;
  readonly tokens: number;
  /** Where the sweep measured it. */
  readonly fidelity?: ItemFidelity | undefined;
}

/** Fewest tokens of a loop: a shorter text cannot loop. */
export const FEWEST_LOOPED = 32;

/** A loop at the end of a generated text: its first token, and that token's place in the text in UTF-16 units. */
export interface TextLoop {
  readonly token: number;
  readonly character: number;
  /** Tokens after which the text repeats; null where it repeats without a period. */
  readonly period: number | null;
}

/** A model's generated text for one item, and how the task's filters read it. */
export interface WrittenOutcome {
  readonly kind: 'written';
  readonly id: string;
  /** Decoded text, cut at the first stop string. */
  readonly text: string;
  /**
   * The text after the task's filters (of its first pipeline, which gives the metric), and whether that is an answer.
   */
  readonly filtered: string;
  readonly correct: boolean;
  /** Generated tokens, including an end token. */
  readonly tokens: number;
  /** End of the text: by a stop string, an end token, or its length. */
  readonly stopped: 'until' | 'end' | 'length';
  /** The loop that a text without another end was in, or null; absent in outcomes of earlier versions. */
  readonly loop?: TextLoop | null | undefined;
  /** Tokens cut from the left of the context to leave room for new ones. */
  readonly truncatedTokens: number;
  /** The item, where it was written several times: texts of one item are not independent. */
  readonly group?: string | undefined;
  /** Where the sweep measured it: at every token of the unpruned model's text. */
  readonly fidelity?: ItemFidelity | undefined;
  /** The tokens of the text, of the unpruned model where fidelity is measured. */
  readonly tokenIds?: readonly number[] | undefined;
}

/** Outcomes computed from log-probabilities. */
export type ScoredOutcome = ChoiceOutcome | TextOutcome;

export type ItemOutcome = ScoredOutcome | WrittenOutcome;
