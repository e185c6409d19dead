import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ItemFidelity, ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { samplerText } from '../contract/sampling.ts';
import type { TaskItem, WrittenItem } from '../contract/task.ts';
import { costText } from '../generation/cost-text.ts';
import { encodePrompt, prepareTexts, textEnds } from '../generation/write-texts.ts';
import { writtenOutcomes } from '../generation/written-outcomes.ts';
import type { Candidate, ModelRunner, RunControl } from '../inference/model-runner.ts';
import { judgeFirst } from '../tasks/generation/judging.ts';
import { isWrittenItem, type Task } from '../tasks/task.ts';
import type { WritingIdentity } from './step.ts';
import { requireTokenizer } from './task-work.ts';

/** Most plans that go through the layers together: each keeps a batch's hidden states. */
export const MAX_GROUP = 16;

/**
 * Texts that each candidate writes to items of a task, judged by the task's first pipeline, which gives the metric; all
 * candidates write side by side.
 */
export const writeItems = async (
  runner: ModelRunner,
  { judging, sampler }: Pick<Task, 'judging' | 'sampler'>,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
  control: RunControl,
  withTokensOf?: string,
): Promise<ReadonlyMap<string, readonly WrittenOutcome[]>> => {
  if (judging === undefined) throw new Error('written items without a rule that judges them');
  const tokenizer = runner.tokenizer ?? (await requireTokenizer(runner.checkpoint));
  const ends = await textEnds(runner.checkpoint.folder, tokenizer);
  const written = items.filter(isWrittenItem);
  const judgeText = (item: WrittenItem, text: string, hasEnded: boolean) => judgeFirst(judging, item, text, hasEnded);
  const work = { items: written, candidates, ends, judge: judgeText, sampler, withTokensOf };
  return writtenOutcomes(runner, tokenizer, work, control);
};

/**
 * As `writeItems`, with the fidelity of every candidate at the tokens that the unpruned model writes. `stored`: what it
 * wrote to the items, if that is on disk; else it writes beside the candidates. `subject`: a name of these texts, under
 * which its states are kept.
 */
export const writeAndCompare = async (
  runner: ModelRunner,
  task: Pick<Task, 'judging' | 'sampler'>,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
  { stored, subject }: { readonly stored: readonly ItemOutcome[] | null; readonly subject: string },
  control: RunControl,
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> => {
  const own = candidates.find(({ plan }) => plan === null);
  const unpruned = own ?? { key: 'unpruned', plan: null };
  const writers = own !== undefined || stored !== null ? candidates : [unpruned, ...candidates];
  const outcomes = await writeItems(runner, task, items, writers, control, unpruned.key);
  const texts = outcomes.get(unpruned.key) ?? stored ?? [];
  const tokenizer = runner.tokenizer ?? (await requireTokenizer(runner.checkpoint));
  const requests = items.filter(isWrittenItem).map((item, index) => {
    const text = texts[index];
    if (text?.kind !== 'written' || text.id !== item.id || text.tokenIds === undefined)
      throw new Error(`no tokens of the unpruned model for item "${item.id}"`);
    const { tokens } = encodePrompt(tokenizer, item, runner.checkpoint.descriptor);
    return { id: item.id, contextTokens: tokens, continuationTokens: text.tokenIds };
  });
  const { signal } = control;
  const compared = new Map<string, readonly ItemOutcome[]>();
  for (let first = 0; first < candidates.length; first += MAX_GROUP) {
    const some = candidates.slice(first, first + MAX_GROUP);
    for (const [key, found] of await runner.compareTokens(requests, some, { signal, fidelity: subject })) {
      const fidelityAt = (index: number): ItemFidelity => {
        const own = found[index];
        if (own === undefined) throw new Error('an item without fidelity');
        return own;
      };
      const compare = (outcome: WrittenOutcome, index: number) => ({ ...outcome, fidelity: fidelityAt(index) });
      if (some.some((candidate) => candidate.key === key)) compared.set(key, (outcomes.get(key) ?? []).map(compare));
    }
  }
  return compared;
};

/**
 * The cost of writing in words; null for a model that stays in memory. Refuses texts whose keys and values exceed the
 * memory budget.
 */
export const writingCost = async (
  runner: ModelRunner,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
): Promise<string | null> => {
  const { folder, descriptor, info } = runner.checkpoint;
  const tokenizer = runner.tokenizer ?? (await requireTokenizer(runner.checkpoint));
  const ends = await textEnds(folder, tokenizer);
  const requests = items.filter(isWrittenItem);
  const { rows } = prepareTexts(tokenizer, { requests, candidates, ends }, descriptor);
  return costText(await runner.decodingCost(rows, candidates), info.sizeBytes);
};

/** Everything except items and plan that determines the texts written to a task; undefined where answers are chosen. */
export const writingIdentity = async (
  checkpoint: Checkpoint,
  { judging, sampler }: Pick<Task, 'judging' | 'sampler'>,
): Promise<WritingIdentity | undefined> => {
  if (judging === undefined) return undefined;
  const { tokens, text } = await textEnds(checkpoint.folder, await requireTokenizer(checkpoint));
  const drawn = sampler === undefined ? {} : { sampler: samplerText(sampler) };
  return { judging: judging.rule, endTokens: [...tokens].sort((a, b) => a - b), endText: text, ...drawn };
};

/** Outcomes of candidates on items of either kind. */
export const answerItems = (
  runner: ModelRunner,
  task: Pick<Task, 'judging' | 'sampler'>,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
  control: RunControl,
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> =>
  items.some(isWrittenItem)
    ? writeItems(runner, task, items, candidates, control)
    : runner.evaluate(items, candidates, control);
