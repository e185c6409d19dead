import { calls } from '../../contract/calls.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import type { ItemAnswers, OutcomesDocument } from '../../contract/outcomes.ts';
import type { RunManifest } from '../../contract/run.ts';
import { isSameFactor, UNPRUNED } from '../../contract/sweep.ts';
import type { TaskItem } from '../../contract/task.ts';
import { answeredItems } from '../../evaluation/item-answers.ts';
import { readPointOutcomes } from '../../runs/read-run.ts';
import { isChoiceItem, isTextItem } from '../../tasks/task.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { reopenTask } from '../run-subjects.ts';
import { currentDocument, sweepManifest } from './sweeps.ts';

const askedOf = (item: TaskItem): NonNullable<ItemAnswers['asked']> => {
  if (isTextItem(item)) return { context: item.text, choices: [], right: [] };
  const right = isChoiceItem(item) ? [item.choices[item.answer] ?? ''] : [...item.answers];
  return { context: item.context, choices: isChoiceItem(item) ? [...item.choices] : [], right };
};

/** The items of a run's task by id; where it is gone or another one now, why. */
const itemsOf = async (
  context: EngineContext,
  { tasks }: RunManifest,
  name: string,
): Promise<ReadonlyMap<string, TaskItem> | WorkbenchError> => {
  const recorded = tasks.find((task) => task.name === name);
  if (recorded === undefined)
    throw refuse('no-such-task', `The run holds no task ${name}.`, 'Choose one of its tasks.');
  try {
    const { test } = await reopenTask(context, recorded);
    return new Map(test.map((item) => [item.id, item]));
  } catch (error) {
    if (error instanceof WorkbenchError) return error;
    throw error;
  }
};

/** Answers about the items behind a point of a sweep, from its stored outcomes: nothing is computed. */
export const outcomeCalls = (context: EngineContext): Pick<Answers, 'outcomes.read'> => ({
  'outcomes.read': answer(
    calls['outcomes.read'],
    async ({ run, model, task, method, seed, factor, show, from, count }): Promise<OutcomesDocument> => {
      const manifest = await sweepManifest(context, run);
      await context.liveSweeps.get(run)?.write();
      const { results } = await currentDocument(context, run, {});
      const ofTask = results.filter((one) => one.model === model && one.task === task);
      const point = ofTask.find(
        (one) => one.method === method && one.seed === seed && isSameFactor(one.factor, factor),
      );
      const unpruned = ofTask.find((one) => one.method === UNPRUNED);
      if (point === undefined || unpruned === undefined)
        throw refuse(
          'no-such-point',
          `The sweep holds no point for ${model}, ${task}, ${method}${seed === null ? '' : `, seed ${String(seed)}`}, factor ${String(factor)}.`,
          'Choose a point that was measured.',
        );
      const outcomesOf = await readPointOutcomes(context.workspace, run, [unpruned, point]);
      const [before, after] = [outcomesOf(unpruned), outcomesOf(point)];
      if (before === null || after === null)
        throw new WorkbenchError(
          'outcomes-missing',
          'failed',
          `The outcomes of this point are no longer stored in ${context.workspace.path}.`,
          'Resume the run: they will be computed again.',
        );
      const { items, counts } = answeredItems(point.metric, before, after);
      const shown = show === 'all' ? items : items.filter(({ change }) => change === show);
      const known = await itemsOf(context, manifest, task);
      return {
        run,
        model,
        task,
        method,
        seed,
        factor: point.factor,
        metric: point.metric,
        counts,
        total: shown.length,
        from,
        items: shown.slice(from, from + count).map((one): ItemAnswers => {
          const item = known instanceof WorkbenchError ? undefined : known.get(one.item);
          return { ...one, asked: item === undefined ? null : askedOf(item) };
        }),
        note: known instanceof WorkbenchError ? `Questions and right answers are not shown: ${known.message}` : null,
      };
    },
  ),
});
