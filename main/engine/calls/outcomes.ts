import type { CallParsed } from '../../contract/calls.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import type { ItemAnswers } from '../../contract/outcomes.ts';
import type { RunProvenance } from '../../contract/provenance.ts';
import type { RunManifest } from '../../contract/run.ts';
import { readSampler, samplerText } from '../../contract/sampling.ts';
import { recordedSweepSettings } from '../../contract/sweep.ts';
import { answersOf, type MetricName, type TaskItem } from '../../contract/task.ts';
import type { PointAnswers } from '../../reading/readings.ts';
import { sweepManifestOf } from '../../runs/read-run.ts';
import { isChoiceItem, isTextItem, itemOfRepeat } from '../../tasks/task.ts';
import { codeToConfirm } from '../approved-run.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { reopenTask } from '../run-subjects.ts';

const askedOf = (item: TaskItem): NonNullable<ItemAnswers['asked']> => {
  if (isTextItem(item)) return { context: item.text, choices: [], right: [] };
  const right = isChoiceItem(item) ? [item.choices[item.answer] ?? ''] : [...item.answers];
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
  const settings = recordedSweepSettings.safeParse(spec);
  if (!settings.success || settings.data.sample === undefined || answersOf({ metric }) !== 'written') return null;
  const { sample, repeats = 1 } = settings.data;
  const times = repeats === 1 ? '' : `, ${String(repeats)} for each item`;
  return `Texts were drawn with ${samplerText(readSampler(sample))}${times}.`;
};

type VouchedAnswers = PointAnswers & { readonly provenance?: RunProvenance };

/** Number of points of finished runs whose items stay in memory, so that paging and filtering read no file. */
const MAX_KEPT = 4;

type Point = Pick<CallParsed<'outcomes.read'>, 'run' | 'model' | 'task' | 'method' | 'seed' | 'factor'>;

/** Answers about the items behind a point of a sweep from its stored outcomes, without computing. */
export const outcomeCalls = (context: EngineContext): AnswersTo<'outcomes'> => {
  const kept = new Map<string, VouchedAnswers>();

  const pointOf = async (manifest: RunManifest, point: Point, signal: AbortSignal): Promise<VouchedAnswers> => {
    const { model, task, method, seed, factor } = point;
    const key = JSON.stringify([manifest.id, manifest.finishedAt, model, task, method, seed, factor]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const read = await context.reader.read({ read: 'answers', ...point }, signal);
    if (manifest.state === 'done') kept.set(key, read);
    for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - MAX_KEPT))) kept.delete(oldest);
    return read;
  };

  return {
    'outcomes.read': async ({ show, from, count, ...point }, signal) => {
      const { run, model, task, method, seed } = point;
      const manifest = await sweepManifestOf(context.workspace, run);
      const { result, items, counts, provenance } = await pointOf(manifest, point, signal);
      const { factor, metric } = result;
      const shown = show === 'all' ? items : items.filter(({ change }) => change === show);
      const known = await itemsOf(context, manifest, task);
      const page = shown.slice(from, from + count).map((one): ItemAnswers => {
        const item =
          known instanceof WorkbenchError ? undefined : (known.get(one.item) ?? known.get(itemOfRepeat(one.item)));
        return { ...one, asked: item === undefined ? null : askedOf(item) };
      });
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
