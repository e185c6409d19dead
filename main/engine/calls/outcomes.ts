import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallParsed } from '../../contract/calls.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import type { ItemAnswers } from '../../contract/outcomes.ts';
import type { RunProvenance } from '../../contract/provenance.ts';
import type { RunManifest } from '../../contract/run.ts';
import { readSampler, samplerText } from '../../contract/sampling.ts';
import type { ItemTraits } from '../../contract/slices.ts';
import { sweepSettings } from '../../contract/sweep.ts';
import { answersOf, type MetricName, type TaskItem } from '../../contract/task.ts';
import type { AnsweredItem } from '../../evaluation/item-answers.ts';
import { traitsOf } from '../../inference/encode-item.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { tokenReader } from '../../profile/token-reader.ts';
import type { PointAnswers, SlicedAnswers } from '../../reading/readings.ts';
import { sweepManifestOf } from '../../runs/read-run.ts';
import { isChoiceItem, isTextItem, itemOfRepeat, rightChoices } from '../../tasks/task.ts';
import { codeToConfirm } from '../approved-run.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { reopenModel, reopenTask } from '../run-subjects.ts';

const askedOf = (item: TaskItem): NonNullable<ItemAnswers['asked']> => {
  if (isTextItem(item)) return { context: item.text, choices: [], right: [] };
  const right = isChoiceItem(item) ? [...rightChoices(item)] : [...item.answers];
  return { context: item.context, choices: isChoiceItem(item) ? [...item.choices] : [], right };
};

/** The items of a run's task by id; or why they are missing: the task is gone, has changed, or may not be read. */
const itemsOf = async (
  context: EngineContext,
  manifest: RunManifest,
  name: string,
): Promise<ReadonlyMap<string, TaskItem> | WorkbenchError> => {
  const recorded = manifest.tasks.find((task) => task.name === name);
  if (recorded === undefined)
    return refuse('no-such-task', `the run does not record the task ${name}.`, 'Start a new sweep.');
  try {
    const { test } = await reopenTask(context, recorded, await codeToConfirm(context, manifest));
    return new Map(test.map((item) => [item.id, item]));
  } catch (error) {
    if (error instanceof WorkbenchError) return error;
    throw error;
  }
};

/** How texts were drawn, where they were; null for greedy ones and for chosen answers. */
const samplingNote = ({ spec }: RunManifest, metric: MetricName): string | null => {
  const settings = sweepSettings.safeParse(spec);
  if (!settings.success || settings.data.sample === undefined || answersOf({ metric }) !== 'written') return null;
  const { sample, repeats = 1 } = settings.data;
  const times = repeats === 1 ? '' : `, ${repeats} for each item`;
  return `Texts were drawn with ${samplerText(readSampler(sample))}${times}.`;
};

/** Items whose tokens are counted before the event loop runs. */
const ITEMS_AT_ONCE = 64;

interface Traits {
  readonly traits: readonly ItemTraits[];
  readonly unit: 'tokens' | 'characters';
  /** Why they are of characters only. */
  readonly note: string | null;
}

const plainTraits = (item: TaskItem): ItemTraits => ({
  item: item.id,
  length: Array.from(isTextItem(item) ? item.text : item.context).length,
  class: null,
  token: null,
});

/** What the items of a run's task are grouped by: with the model's own tokenizer, or where it is gone without. */
const traitsOfItems = async (
  context: EngineContext,
  manifest: RunManifest,
  name: string,
  items: readonly TaskItem[],
): Promise<Traits> => {
  const recorded = manifest.models.find((model) => model.name === name);
  try {
    if (recorded === undefined)
      throw refuse('no-such-model', `the run does not record the model ${name}.`, 'Start a new sweep.');
    const checkpoint = await reopenModel(context, recorded, await codeToConfirm(context, manifest));
    const tokenizer = await requireTokenizer(checkpoint);
    const reader = tokenReader(tokenizer);
    const traits: ItemTraits[] = [];
    for (const item of items) {
      if (traits.length % ITEMS_AT_ONCE === 0) await nextTurn();
      traits.push(traitsOf(tokenizer, reader, item));
    }
    return { traits, unit: 'tokens', note: null };
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error;
    const note = `Lengths are in characters, and there are no slices by token: ${error.message}`;
    return { traits: items.map(plainTraits), unit: 'characters', note };
  }
};

const SLICES_NOTE =
  'Each interval is a two-sided 95 % one by itself: of many slices some exclude 0 by chance, which p (Holm) corrects.';

type VouchedSlices = SlicedAnswers & { readonly provenance?: RunProvenance; readonly note: string | null };

type VouchedAnswers = PointAnswers & { readonly provenance?: RunProvenance };

/** Number of points of finished runs whose items stay in memory, so that paging and filtering read no file. */
const MAX_KEPT = 4;

/** Forgets what was asked for first. */
const forgetOldest = (kept: Map<string, unknown>): void => {
  for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - MAX_KEPT))) kept.delete(oldest);
};

/** An item's answers with its question, if that is known. */
const withQuestion = (one: AnsweredItem, known: ReadonlyMap<string, TaskItem> | WorkbenchError): ItemAnswers => {
  const item = known instanceof WorkbenchError ? undefined : (known.get(one.item) ?? known.get(itemOfRepeat(one.item)));
  return { ...one, asked: item === undefined ? null : askedOf(item) };
};

type Point = Pick<CallParsed<'outcomes.read'>, 'run' | 'model' | 'task' | 'method' | 'seed' | 'factor'>;

/** Answers about the items behind a point of a sweep from its stored outcomes, without computing. */
export const outcomeCalls = (context: EngineContext): AnswersTo<'outcomes'> => {
  const kept = new Map<string, VouchedAnswers>();
  const keptSlices = new Map<string, VouchedSlices>();

  const pointOf = async (manifest: RunManifest, point: Point, signal: AbortSignal): Promise<VouchedAnswers> => {
    const { model, task, method, seed, factor } = point;
    const key = JSON.stringify([manifest.id, manifest.finishedAt, model, task, method, seed, factor]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const read = await context.reader.read({ read: 'answers', ...point }, signal);
    if (manifest.state === 'done') kept.set(key, read);
    forgetOldest(kept);
    return read;
  };

  const slicesOf = async (
    manifest: RunManifest,
    {
      run,
      model,
      task,
      first,
      second,
    }: Pick<CallParsed<'outcomes.compare'>, 'run' | 'model' | 'task' | 'first' | 'second'>,
    known: ReadonlyMap<string, TaskItem> | WorkbenchError,
    signal: AbortSignal,
  ): Promise<VouchedSlices> => {
    const isKnown = !(known instanceof WorkbenchError);
    const key = JSON.stringify([run, manifest.finishedAt, model, task, first, second, isKnown]);
    const before = keptSlices.get(key);
    if (before !== undefined) return before;
    await context.liveSweeps.get(run)?.write();
    const own = isKnown ? await traitsOfItems(context, manifest, model, [...known.values()]) : null;
    const { traits, unit, note } = own ?? { traits: null, unit: 'characters' as const, note: null };
    const asked = { model, task, first, second, traits: traits === null ? null : [...traits], unit };
    const read = { ...(await context.reader.read({ read: 'slices', run, ...asked }, signal)), note };
    if (manifest.state === 'done') keptSlices.set(key, read);
    forgetOldest(keptSlices);
    return read;
  };

  return {
    'outcomes.compare': async ({ slice, show, from, count, ...asked }, signal) => {
      const { run, task } = asked;
      const manifest = await sweepManifestOf(context.workspace, run);
      const known = await itemsOf(context, manifest, task);
      const { slices, places, items, metric, note, provenance } = await slicesOf(manifest, asked, known, signal);
      const at = slices.findIndex(({ by, name }) => by === slice.by && name === slice.name);
      if (at < 0)
        throw refuse(
          'no-such-slice',
          `There is no slice "${slice.name}" by ${slice.by}.`,
          `Choose one of ${slices.map(({ by, name }) => `"${name}" by ${by}`).join(', ')}.`,
        );
      const changed = (places[at] ?? []).flatMap((place) => items[place] ?? []).filter(({ change }) => change === show);
      const unknown = known instanceof WorkbenchError ? `Slices and questions are not shown: ${known.message}` : null;
      const notes = [slices.length > 1 ? SLICES_NOTE : null, note, unknown, samplingNote(manifest, metric)];
      return {
        ...asked,
        metric,
        slices: [...slices],
        total: changed.length,
        from,
        items: changed.slice(from, from + count).map((entry) => withQuestion(entry, known)),
        notes: notes.filter((text) => text !== null),
        ...(provenance === undefined ? {} : { provenance }),
      };
    },
    'outcomes.read': async ({ show, from, count, ...point }, signal) => {
      const { run, model, task, method, seed } = point;
      const manifest = await sweepManifestOf(context.workspace, run);
      const { result, items, counts, provenance } = await pointOf(manifest, point, signal);
      const { factor, metric } = result;
      const shown = show === 'all' ? items : items.filter(({ change }) => change === show);
      const known = await itemsOf(context, manifest, task);
      const page = shown.slice(from, from + count).map((entry) => withQuestion(entry, known));
      const unknown =
        known instanceof WorkbenchError ? `Questions and right answers are not shown: ${known.message}` : null;
      const note = [unknown, samplingNote(manifest, metric)].filter((text) => text !== null).join(' ') || null;
      return {
        run,
        model,
        task,
        method,
        seed,
        factor,
        metric,
        counts,
        total: shown.length,
        from,
        items: page,
        note,
        ...(provenance === undefined ? {} : { provenance }),
      };
    },
  };
};
