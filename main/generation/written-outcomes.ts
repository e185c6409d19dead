import { present } from '../contract/errors.ts';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { WrittenOutcome } from '../contract/outcome.ts';
import { hasEnded } from '../evaluation/item-answers.ts';
import type { Sampler } from '../contract/sampling.ts';
import type { Candidate, ModelRunner, RunControl } from '../inference/model-runner.ts';
import { prepareTexts, writeTexts, type TextEnds, type WritingRequest } from './write-texts.ts';

/** A task's judgement of a text. */
export type Judged = Pick<WrittenOutcome, 'filtered' | 'correct'>;

/** A text that ended: `hasEnded` by a stop string or an end token. */
export interface EndedText<Item> {
  readonly item: Item;
  readonly text: string;
  readonly hasEnded: boolean;
}

/**
 * Outcomes of every candidate on every item, by candidate, in the order of `items`: the counterpart of
 * `ModelRunner.evaluate` for written answers. One call takes all candidates, so that they are written together. `judge`
 * is the task's judgement, called once with every text, after the last one has ended.
 *
 * Deterministic: the same arguments give the same outcomes. Throws the errors of `prepareTexts`, `decode` and `judge`.
 */
export const writtenOutcomes = async <Item extends WritingRequest>(
  runner: Pick<ModelRunner, 'decode' | 'checkpoint'>,
  tokenizer: TextTokenizer,
  work: {
    readonly items: readonly Item[];
    readonly candidates: readonly Candidate[];
    readonly ends: TextEnds;
    /** Judgements in the order of the texts. */
    readonly judge: (texts: readonly EndedText<Item>[]) => readonly Judged[] | Promise<readonly Judged[]>;
    /** Draws each token; absent: the likeliest is taken. */
    readonly sampler?: Sampler | undefined;
    /** The candidate whose outcomes also have the tokens. */
    readonly withTokensOf?: string | undefined;
  },
  control: RunControl,
): Promise<ReadonlyMap<string, readonly WrittenOutcome[]>> => {
  const { items, candidates, ends, judge, sampler, withTokensOf } = work;
  const prepared = prepareTexts(
    tokenizer,
    { requests: items, candidates, ends, sampler },
    runner.checkpoint.descriptor,
  );
  const outcomes = new Map(candidates.map(({ key }) => [key, new Array<WrittenOutcome>(items.length)]));
  const ended: EndedText<Item>[] = [];
  const written: { own: WrittenOutcome[]; request: number; outcome: Omit<WrittenOutcome, keyof Judged> }[] = [];
  for await (const { request, candidate, id, text, tokens, stopped, loop, truncatedTokens } of writeTexts(
    runner,
    tokenizer,
    prepared,
    control,
  )) {
    const item = items[request];
    const candidateOutcomes = outcomes.get(candidate);
    if (item === undefined || candidateOutcomes === undefined)
      throw new Error(`no item ${request} of candidate "${candidate}"`);
    ended.push({ item, text, hasEnded: hasEnded({ stopped }) });
    const outcome = {
      kind: 'written' as const,
      id,
      text,
      tokens: tokens.length,
      stopped,
      loop,
      truncatedTokens,
      ...(item.group === undefined ? {} : { group: item.group }),
      ...(candidate === withTokensOf ? { tokenIds: tokens } : {}),
    };
    written.push({ own: candidateOutcomes, request, outcome });
  }
  const judged = await judge(ended);
  for (const [index, { own, request, outcome }] of written.entries()) {
    const verdict = present(judged[index], 'a text without a verdict');
    own[request] = { ...outcome, ...verdict };
  }
  return outcomes;
};
