import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { costText } from '../generation/cost-text.ts';
import { prepareTexts, textEnds } from '../generation/write-texts.ts';
import { type Judged, writtenOutcomes } from '../generation/written-outcomes.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { samplerText } from '../contract/sampling.ts';
import type { TaskItem, WrittenItem } from '../contract/task.ts';
import type { Candidate, ModelRunner, RunControl } from '../inference/model-runner.ts';
import { judge } from '../tasks/generation/judging.ts';
import { isWrittenItem, type Task } from '../tasks/task.ts';
import type { WritingIdentity } from './step-key.ts';
import { requireTokenizer } from './task-work.ts';

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
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> => {
  if (judging === undefined) throw new Error('written items without a rule that judges them');
  const tokenizer = runner.tokenizer ?? (await requireTokenizer(runner.checkpoint));
  const judgeFirst = (item: WrittenItem, text: string): Judged => {
    const [first] = judge(judging, item, text);
    if (first === undefined) throw new Error('a rule without pipelines');
    return { filtered: first.filtered, correct: first.correct };
  };
  const ends = await textEnds(runner.checkpoint.folder, tokenizer);
  const written = items.filter(isWrittenItem);
  const work = { items: written, candidates, ends, judge: judgeFirst, sampler };
  return writtenOutcomes(runner, tokenizer, work, control);
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
