import { CancelledError } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import {
  type CountsSoFar,
  countsSoFar,
  curtailedOrder,
  pairedDesign,
  partEnds,
  decidedVerdict,
} from '../evaluation/curtailment.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import { hashItems } from '../tasks/items.ts';
import { type AnsweredItems, readEvaluation, writeEvaluation } from './evaluation-record.ts';
import { type GroupSizer, requireFinite } from './evaluation-step.ts';
import type { JobContext } from './job-context.ts';
import type { KeyedPlan, Measurement } from './measurement.ts';
import { partKey } from './step-key.ts';
import { answerItems } from './write-items.ts';

/** What a candidate's steps gave: every outcome, or the counts by which it is unsafe. */
export type CandidateOutcome =
  | { readonly kind: 'full'; readonly outcomes: readonly ItemOutcome[] }
  | { readonly kind: 'curtailed'; readonly counts: CountsSoFar };

/** A candidate on its way: its outcomes by the item's place, and whether anything of it was computed here. */
interface Answering extends KeyedPlan {
  readonly soFar: (ItemOutcome | null)[];
  isComputed: boolean;
}

/** A part of the items, as candidates answer them. */
interface Part {
  readonly places: readonly number[];
  readonly work: number;
  /** Hash of its items; of most parts nobody asks for it. */
  readonly itemsHash: () => string;
  readonly keyOf: (evaluation: string) => string;
}

/**
 * The parts of a measurement's items, in the order of the unpruned model's margins. A part is a step of its own, keyed
 * by the evaluation that it belongs to and by its items: whoever asks for it again finds it, to stop there or to go on.
 */
const partsOf = (
  { items, task, work }: Measurement,
  baseline: readonly ItemOutcome[],
  isStreamed: boolean,
): readonly Part[] => {
  const order = curtailedOrder(task.task.metric, baseline);
  const ends = partEnds(items.length, isStreamed);
  return ends.map((end, index): Part => {
    const places = order.slice(ends[index - 1] ?? 0, end);
    let hash: string | null = null;
    const itemsHash = (): string => (hash ??= hashItems(places.flatMap((place) => items[place] ?? [])));
    return {
      places,
      work: (work * places.length) / items.length,
      itemsHash,
      keyOf: (evaluation) => partKey(evaluation, itemsHash()),
    };
  });
};

/**
 * Lets candidates answer one part: from disk where it is there, the others side by side. `goesOn`: most of them will
 * answer another one. Answers what computed, if anything was.
 */
const answerPart = async (
  context: JobContext,
  measurement: Measurement,
  part: Part,
  candidates: readonly Answering[],
  sizer: GroupSizer,
  goesOn: boolean,
): Promise<ModelRunner | null> => {
  const { steps, meter, signal } = context;
  const { model, task, items } = measurement;
  const take = ({ soFar }: Answering, outcomes: readonly ItemOutcome[]): void =>
    part.places.forEach((place, index) => {
      soFar[place] = outcomes[index] ?? null;
    });
  const ownItems = (): AnsweredItems => ({ ...measurement, itemsHash: part.itemsHash() });
  const keyedPart = ({ key, plan }: KeyedPlan): KeyedPlan => ({ key: part.keyOf(key), plan });
  const missing: Answering[] = [];
  for (const candidate of candidates) {
    const stored = await readEvaluation(steps, ownItems(), keyedPart(candidate));
    if (stored === null) missing.push(candidate);
    else {
      take(candidate, stored);
      meter.reuse(part.work, 0);
    }
  }
  const own = part.places.flatMap((place) => items[place] ?? []);
  const all = missing.length;
  let runner: ModelRunner | null = null;
  while (missing.length > 0) {
    if (signal.aborted) throw new CancelledError('The run');
    meter.describe(`Evaluating ${model.name} on ${task.name}`);
    runner = await context.runners.open(model.checkpoint);
    const group = missing.splice(0, sizer.next(part.work));
    const startedAt = context.now();
    meter.begin(part.work * group.length);
    const control = {
      signal,
      onProgress: (done: number, total: number) => meter.advance(done / total),
      // Candidates that take turns would keep more open than one group may.
      goesOn: goesOn && group.length === all,
    };
    const outcomes = await answerItems(runner, task.task, own, group, control);
    sizer.took(part.work * group.length, context.now() - startedAt);
    for (const candidate of group) {
      const answers = outcomes.get(candidate.key);
      if (answers === undefined) throw new Error(`no outcomes for candidate ${candidate.key}`);
      requireFinite(answers, measurement);
      await writeEvaluation(steps, ownItems(), keyedPart(candidate), answers);
      take(candidate, answers);
      candidate.isComputed = true;
    }
    meter.finish(0);
  }
  return runner;
};

/** The parts that a machine with this memory makes of the items first, then those of one with another. */
const bothParts = (
  { memoryBudgetBytes }: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
): readonly (readonly Part[])[] => {
  const isStreamed = measurement.model.checkpoint.info.memory.resident > memoryBudgetBytes;
  return [isStreamed, !isStreamed].map((streamed) => partsOf(measurement, baseline, streamed));
};

const hasBegun = async ({ steps }: JobContext, [first]: readonly Part[], { key }: KeyedPlan): Promise<boolean> =>
  first !== undefined && (await steps.has(first.keyOf(key), 'json'));

/** Whether a part of the candidate's items was answered before, in this order. */
export const hasPart = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  candidate: KeyedPlan,
): Promise<boolean> => {
  for (const parts of bothParts(context, measurement, baseline))
    if (await hasBegun(context, parts, candidate)) return true;
  return false;
};

type Done = (key: string, outcome: CandidateOutcome) => Promise<void>;

/**
 * Measures plans part by part of the items, side by side; each is `done` as soon as `delta` decides that all items
 * could only call it unsafe, or when it has answered all. `delta` null: all are answered, going on from the parts that
 * are on disk, also from those that a machine with other memory makes: who joins what others have computed is told the
 * same after as many items. A candidate that answered every item becomes the evaluation step that a whole measurement
 * gives. Keys are unique.
 */
export const curtailedSteps = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  plans: readonly KeyedPlan[],
  { sizer, delta }: { readonly sizer: GroupSizer; readonly delta: number | null },
  done: Done,
): Promise<void> => {
  const { steps, meter } = context;
  const [own = [], other = []] = bothParts(context, measurement, baseline);
  const [open, elsewhere]: [Answering[], Answering[]] = [[], []];
  for (const { key, plan } of plans) {
    const stored = await readEvaluation(steps, measurement, { key, plan });
    if (stored !== null) {
      meter.reuse(measurement.work);
      await done(key, { kind: 'full', outcomes: stored });
      continue;
    }
    const candidate = { key, plan, soFar: baseline.map(() => null), isComputed: false };
    const isElsewhere = !(await hasBegun(context, own, candidate)) && (await hasBegun(context, other, candidate));
    (isElsewhere ? elsewhere : open).push(candidate);
  }
  await answerParts(context, measurement, baseline, { parts: own, candidates: open, sizer, delta }, done);
  await answerParts(context, measurement, baseline, { parts: other, candidates: elsewhere, sizer, delta }, done);
};

const answerParts = async (
  context: JobContext,
  measurement: Measurement,
  baseline: readonly ItemOutcome[],
  {
    parts,
    candidates,
    sizer,
    delta,
  }: {
    readonly parts: readonly Part[];
    readonly candidates: readonly Answering[];
    readonly sizer: GroupSizer;
    readonly delta: number | null;
  },
  done: Done,
): Promise<void> => {
  const { meter } = context;
  const { metric } = measurement.task.task;
  const design = pairedDesign(metric, baseline);
  let open = candidates;
  const count = ({ isComputed }: Answering): void => (isComputed ? meter.finish() : meter.reuse(0));
  let runner: ModelRunner | null = null;
  for (const part of parts) {
    if (open.length === 0) break;
    runner = (await answerPart(context, measurement, part, open, sizer, part !== parts.at(-1))) ?? runner;
    const still: Answering[] = [];
    for (const candidate of open) {
      const outcomes = candidate.soFar.flatMap((outcome) => outcome ?? []);
      if (outcomes.length === baseline.length) {
        await writeEvaluation(context.steps, measurement, candidate, outcomes);
        count(candidate);
        await done(candidate.key, { kind: 'full', outcomes });
        continue;
      }
      const counts = design === null ? null : countsSoFar(metric, design, candidate.soFar);
      if (
        delta === null ||
        design === null ||
        counts === null ||
        decidedVerdict({ metric, delta }, design, counts) !== 'unsafe'
      ) {
        still.push(candidate);
        continue;
      }
      count(candidate);
      await done(candidate.key, { kind: 'curtailed', counts });
    }
    open = still;
  }
  await runner?.releaseCandidates();
};
