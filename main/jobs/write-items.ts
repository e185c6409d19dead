import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { present, refuse } from '../contract/errors.ts';
import type { ItemFidelity, ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { samplerText } from '../contract/sampling.ts';
import type { TaskItem, WrittenItem } from '../contract/task.ts';
import {
  costText,
  encodePrompt,
  type EndedText,
  type Judged,
  prepareTexts,
  textEnds,
  writtenOutcomes,
} from '../generation/write-texts.ts';
import type { TextJudge } from '../harness/judge-texts.ts';
import { beginsWithPrefix } from '../inference/encode-item.ts';
import type { Candidate, ModelRunner, RunControl } from '../inference/model-runner.ts';
import { type Judging, judgeFirst } from '../tasks/generation/judging.ts';
import { isWrittenItem, type Task } from '../tasks/task.ts';
import type { WritingIdentity } from './step.ts';
import { requireTokenizer } from './task-work.ts';

/** Most plans that go through the layers together: each keeps a batch's hidden states. */
export const MAX_GROUP = 16;

/** Control of work that may write; `judge`: judges where the task's own Python does, which is refused without it. */
export interface AnswerControl extends RunControl {
  readonly judge?: TextJudge | undefined;
}

const requireJudge = (judge: TextJudge | undefined): TextJudge => {
  if (judge !== undefined) return judge;
  throw refuse(
    'judged-by-python',
    'The answers of this task are judged by its own Python, and that runs in sweeps and experiments only.',
    'Choose another task.',
  );
};

/** The judgements of texts, in their order: by the task's first pipeline, which gives the metric, or its Python. */
const judgeTexts = async (
  judging: Judging,
  texts: readonly EndedText<WrittenItem>[],
  { judge, signal }: AnswerControl,
): Promise<readonly Judged[]> => {
  const { python } = judging.rule;
  if (python === undefined) return texts.map(({ item, text, hasEnded }) => judgeFirst(judging, item, text, hasEnded));
  const asked = texts.map(({ item, text }) => ({ item: item.id, document: item.document ?? '', text }));
  return requireJudge(judge).judge(python, asked, signal);
};

/** Texts that each candidate writes to items of a task, judged; all candidates write side by side. */
export const writeItems = async (
  runner: ModelRunner,
  { judging, sampler }: Pick<Task, 'judging' | 'sampler'>,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
  control: AnswerControl,
  withTokensOf?: string,
): Promise<ReadonlyMap<string, readonly WrittenOutcome[]>> => {
  if (judging === undefined) throw new Error('written items without a rule that judges them');
  const tokenizer = runner.tokenizer ?? (await requireTokenizer(runner.checkpoint));
  const ends = await textEnds(runner.checkpoint.folder, tokenizer);
  const written = items.filter(isWrittenItem);
  const judge = (texts: readonly EndedText<WrittenItem>[]) => judgeTexts(judging, texts, control);
  const work = { items: written, candidates, ends, judge, sampler, withTokensOf };
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
  control: AnswerControl,
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> => {
  const unprunedCandidate = candidates.find(({ plan }) => plan === null);
  const unpruned = unprunedCandidate ?? { key: 'unpruned', plan: null };
  const writers = unprunedCandidate !== undefined || stored !== null ? candidates : [unpruned, ...candidates];
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
      const fidelityAt = (index: number): ItemFidelity => present(found[index], 'an item without fidelity');
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
  { judging, sampler, test }: Pick<Task, 'judging' | 'sampler' | 'test'>,
  judge: TextJudge | undefined,
): Promise<WritingIdentity | undefined> => {
  if (judging === undefined) return undefined;
  const tokenizer = await requireTokenizer(checkpoint);
  const { tokens, text } = await textEnds(checkpoint.folder, tokenizer);
  // Earlier versions wrote such prompts with two BOS tokens.
  const hasPrefix = test.some((item) => isWrittenItem(item) && beginsWithPrefix(tokenizer, item.context));
  const once = hasPrefix ? { prefix: 'once' as const } : {};
  const drawn = sampler === undefined ? {} : { sampler: samplerText(sampler) };
  const judged = judging.rule.python === undefined ? {} : { judgedBy: await requireJudge(judge).environment() };
  const endTokens = [...tokens].sort((a, b) => a - b);
  return { judging: judging.rule, endTokens, endText: text, ...drawn, ...judged, ...once };
};

/** Outcomes of candidates on items of either kind. */
export const answerItems = (
  runner: ModelRunner,
  task: Pick<Task, 'judging' | 'sampler'>,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
  control: AnswerControl,
): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> =>
  items.some(isWrittenItem)
    ? writeItems(runner, task, items, candidates, control)
    : runner.evaluate(items, candidates, control);
