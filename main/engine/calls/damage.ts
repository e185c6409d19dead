import { join } from 'node:path';
import { calls } from '../../contract/calls.ts';
import { damageDocument } from '../../contract/damage.ts';
import { refuse } from '../../contract/errors.ts';
import { readJsonIfThere } from '../../files/read-json-file.ts';
import { askedTasks } from '../../jobs/task-work.ts';
import { DAMAGE_FILE, damageJob, leftOutExperts } from '../../jobs/damage-job.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { requireRoom } from '../../tasks/generation/stop-rule.ts';
import { requireAsWritten } from '../../workspace/sealed-files.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { openRunModels, openRunTasks } from '../run-subjects.ts';
import { startRun } from '../start-run.ts';

/** Limit for the outcomes of a layer's experts on a task, which take a few hundred bytes each. */
const MAX_DAMAGE_BYTES = 64 * 2 ** 20;

type DamageCall = 'damage.start' | 'damage.read';

/** Measures how much a task loses without each single expert. */
export const damageCalls = (context: EngineContext): Pick<Answers, DamageCall> => ({
  'damage.start': answer(calls['damage.start'], async ({ model: handle, task: taskHandle, ...settings }) => {
    const models = await openRunModels(context, [handle]);
    const tasks = await openRunTasks(context, [taskHandle]);
    const [model, task] = [models[0], tasks[0]];
    if (model === undefined || task === undefined) throw new Error('a handle without a model or task');
    const { checkpoint } = model;
    const leftOut = leftOutExperts(checkpoint.info, settings);
    await requireTokenizer(checkpoint);
    requireRoom(task.task.test, task.name, checkpoint.descriptor.maxPositions);
    await askedTasks(model, tasks, settings.chat, new Date(context.now()));
    const which = settings.experts === undefined ? 'each expert' : `expert ${leftOut.join(', ')}`;
    return startRun(
      context,
      {
        kind: 'damage',
        title: `Damage of ${which} of layer ${settings.layer} of ${model.name} on ${task.name}`,
        spec: settings,
        models,
        tasks,
      },
      damageJob(model, task, settings),
    );
  }),
  'damage.read': answer(calls['damage.read'], async ({ run }) => {
    const { runs } = context.workspace;
    const manifest = await runs.read(run);
    if (manifest.kind !== 'damage')
      throw refuse('not-damage', `${run} is a ${manifest.kind}, not a measurement of single experts.`, 'Choose one.');
    await requireAsWritten(runs.folder(run), DAMAGE_FILE);
    const file = join(runs.folder(run), DAMAGE_FILE);
    const document = await readJsonIfThere(file, damageDocument, { mostBytes: MAX_DAMAGE_BYTES }, (cause) =>
      refuse('damage-unreadable', `${file} is damaged.`, 'Measure again.', cause),
    );
    if (document === null)
      throw refuse(
        'no-damage',
        `${manifest.title} has no result (${manifest.state}).`,
        'Wait until it is done, or resume it.',
      );
    return document;
  }),
});
