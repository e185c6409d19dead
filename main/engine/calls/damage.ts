import { join } from 'node:path';
import { damageDocument, damageSettings } from '../../contract/damage.ts';
import { refuse } from '../../contract/errors.ts';
import { DAMAGE_FILE, damageJob, leftOutExperts } from '../../jobs/damage-job.ts';
import type { RunTask } from '../../jobs/job-context.ts';
import { askedTasks, requireTokenizer } from '../../jobs/task-work.ts';
import { requireRoom } from '../../tasks/generation/stop-rule.ts';
import { readResult } from '../../runs/read-result.ts';
import { requireKind } from '../../contract/run-kinds.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { modelNames, noResult, onlyModel, type StartedRun, taskNames } from '../run-kind.ts';
import { openSubjects } from '../run-subjects.ts';

/** A measurement of what single experts contribute to a task. */
export const damageRun: StartedRun<'damage', typeof damageSettings> = {
  kind: 'damage',
  onTorch: true,
  schema: damageSettings,
  order: async (context, { model, task, ...spec }) => ({ spec, ...(await openSubjects(context, [model], [task])) }),
  check: async (context, { spec, models, tasks }) => {
    const [model, task] = [onlyModel({ models }), onlyTask(tasks)];
    const { checkpoint } = model;
    leftOutExperts(checkpoint.info, spec);
    await requireTokenizer(checkpoint);
    requireRoom(task.task.test, task.name, checkpoint.descriptor);
    await askedTasks(model, tasks, spec.chat, new Date(context.now()));
  },
  title: (_, { spec, models, tasks }) => {
    const leftOut = leftOutExperts(onlyModel({ models }).checkpoint.info, spec);
    const which = spec.experts === undefined ? 'each expert' : `expert ${leftOut.join(', ')}`;
    return `Damage of ${which} of layer ${spec.layer} of ${modelNames({ models })} on ${taskNames({ tasks })}`;
  },
  job: (_, { spec, models, tasks }) => damageJob(onlyModel({ models }), onlyTask(tasks), spec),
  checkAgain: (_, { tasks }, { id }) => {
    if (tasks.length === 0) throw refuse('bad-spec', `The manifest of ${id} names no task.`, 'Start a new run.');
  },
};

const onlyTask = ([task]: readonly RunTask[]): RunTask => {
  if (task === undefined) throw new Error('a run without a task');
  return task;
};

export const damageCalls = (context: EngineContext): AnswersTo<'damage'> => ({
  'damage.read': async ({ run }) => {
    const { runs } = context.workspace;
    const manifest = requireKind(await runs.read(run), 'damage', 'Choose a run of "uncurl damage".');
    const document = await readResult(join(runs.folder(run), DAMAGE_FILE), damageDocument);
    if (document === null) throw noResult('no-damage', manifest);
    return withProvenance(context, run, document);
  },
});
