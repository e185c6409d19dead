import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { WrittenOutcome } from '../contract/outcome.ts';
import type { Candidate, ModelRunner, RunControl } from '../inference/model-runner.ts';
import { prepareTexts, writeTexts, type TextEnds, type WritingRequest } from './write-texts.ts';

/** A task's judgement of a text. */
export type Judged = Pick<WrittenOutcome, 'filtered' | 'correct'>;

/**
 * Texts of every candidate for every item, by candidate, in the order of `items`: the counterpart of
 * `ModelRunner.evaluate` for tasks with written answers. All candidates go in one call, so that they decode side by
 * side. `judge` applies the task's filters and comparison; it is called once per item and candidate, when the text
 * ends.
 *
 * Deterministic: the same arguments give the same outcomes. Throws as `prepareTexts` and `decode` do, and what `judge`
 * throws.
 */
export const writtenOutcomes = async <Item extends WritingRequest>(
  runner: Pick<ModelRunner, 'decode' | 'checkpoint'>,
  tokenizer: TextTokenizer,
  work: {
    readonly items: readonly Item[];
    readonly candidates: readonly Candidate[];
    readonly ends: TextEnds;
    readonly judge: (item: Item, text: string) => Judged;
  },
  control: RunControl,
): Promise<ReadonlyMap<string, readonly WrittenOutcome[]>> => {
  const { items, candidates, ends, judge } = work;
  const prepared = prepareTexts(
    tokenizer,
    { requests: items, candidates, ends },
    runner.checkpoint.descriptor.maxPositions,
  );
  const outcomes = new Map(candidates.map(({ key }) => [key, new Array<WrittenOutcome>(items.length)]));
  for await (const { request, candidate, id, text, tokens, stopped, truncatedTokens } of writeTexts(
    runner,
    tokenizer,
    prepared,
    control,
  )) {
    const item = items[request];
    const own = outcomes.get(candidate);
    if (item === undefined || own === undefined)
      throw new Error(`no item ${String(request)} of candidate "${candidate}"`);
    own[request] = {
      kind: 'written',
      id,
      text,
      ...judge(item, text),
      tokens: tokens.length,
      stopped,
      truncatedTokens,
    };
  }
  return outcomes;
};
