import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import type { PathHandle } from '../../contract/model.ts';
import { profilePurpose, type ProfilePurpose, type TaskProfile } from '../../contract/profile.ts';
import { WorkbenchError } from '../../contract/errors.ts';
import type { RunModel, RunTask } from '../../jobs/job-context.ts';
import { requireCalibration, storedProfileFile } from '../../jobs/plan-step.ts';
import { profileJob } from '../../jobs/profile-job.ts';
import { askedTasks, requireTokenizer } from '../../jobs/task-work.ts';
import { type ExtraStatistic, extraStatistics } from '../../profile/routing-statistics.ts';
import { methodNamed } from '../../pruning/methods.ts';
import { combinedExtras, planNeeds } from '../../pruning/plan-needs.ts';
import { profiledHash, type TaskFacts } from '../../tasks/kept-facts.ts';
import { openProfileParts, type ProfileParts } from '../../workspace/profile-file.ts';
import { taskProfileOfParts } from '../../workspace/task-profile.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { modelNames, onlyModel, type StartedRun, taskNames } from '../run-kind.ts';
import { namedFacts, openRunTasks, openSubjects } from '../run-subjects.ts';

/**
 * The stored profile of a model on items with these extras, the sample's included, opened for reading in parts; null
 * if there is none. `itemsHash`: the hash of the task's calibration items.
 */
export const storedProfileParts = async (
  context: EngineContext,
  checkpoint: Checkpoint,
  itemsHash: string,
  extras: readonly ExtraStatistic[] = [],
): Promise<ProfileParts | null> => {
  const file = await fileOfProfile(context, checkpoint, itemsHash, extras);
  return file === null ? null : openProfileParts(file);
};

/** The path of such a profile; null if there is none, as for a model that was not hashed yet. */
export const fileOfProfile = async (
  context: EngineContext,
  { content: { known } }: Checkpoint,
  itemsHash: string,
  extras: readonly ExtraStatistic[] = [],
): Promise<string | null> => {
  await Promise.allSettled([context.sampleRestored()]);
  if (known === null) return null;
  const file = await storedProfileFile(context.workspace.steps, known.identity, itemsHash, context.numerics, extras);
  // Where restoring the sample failed, a missing profile may be due to that: report the failure.
  if (file === null) await context.sampleRestored();
  return file;
};

/**
 * Extras that the methods need beyond routing, and those requested explicitly.
 *
 * @throws WorkbenchError `no-such-method`, `bad-option`.
 */
export const methodExtras = ({
  methods,
  options,
  budget,
  protect,
  inspect = [],
}: ProfilePurpose): readonly ExtraStatistic[] => {
  Object.keys(options).forEach(methodNamed);
  const needed = combinedExtras(
    methods.map((method) => planNeeds({ method, options: options[method], budget, protect })),
  );
  return extraStatistics.filter((extra) => needed.includes(extra) || inspect.includes(extra));
};

/** A profile of a model on tasks, for a purpose. */
export const profileRun: StartedRun<'profile', typeof profilePurpose> = {
  kind: 'profile',
  onTorch: true,
  schema: profilePurpose,
  order: async (context, { model, tasks, ...spec }) => ({ spec, ...(await openSubjects(context, [model], tasks)) }),
  recorded: (_, { spec }) =>
    spec.methods.length === 0 && spec.chat !== true && spec.inspect === undefined ? {} : spec,
  check: async (context, { spec, models, tasks }) => {
    const model = onlyModel({ models });
    tasks.forEach(({ task }) => requireCalibration(task));
    await requireTokenizer(model.checkpoint);
    await askedTasks(model, tasks, spec.chat, new Date(context.now()));
  },
  title: (_, { spec, ...order }) =>
    `Profile of ${modelNames(order)} on ${taskNames(order)}${spec.chat === true ? ', through its chat template' : ''}`,
  job: (_, { spec, models, tasks }) => profileJob(onlyModel({ models }), tasks, methodExtras(spec), spec.chat),
};

/** The tasks that the model's chat template can phrase, so phrased; without `chat`, all tasks unchanged. */
export const askableTasks = async (
  context: EngineContext,
  checkpoint: RunModel['checkpoint'],
  tasks: readonly RunTask[],
  chat: boolean | undefined,
): Promise<readonly RunTask[]> => {
  const asked: RunTask[] = [];
  for (const task of tasks) {
    try {
      for (const one of await askedTasks({ checkpoint }, [task], chat, new Date(context.now()))) asked.push(one);
    } catch (error) {
      // Only this task cannot be phrased so: no profile of it exists, and profiling it gives the reason.
      if (!(error instanceof WorkbenchError) || error.kind !== 'refused') throw error;
    }
  }
  return asked;
};

/** The items that a profile of each task reads, by their hash; without `chat` no item is read for this. */
const profiledItems = async (
  context: EngineContext,
  checkpoint: Checkpoint,
  handles: readonly PathHandle[],
  chat: boolean | undefined,
): Promise<readonly (Pick<TaskFacts, 'hash' | 'profiled'> & { readonly name: string })[]> => {
  if (chat !== true) return namedFacts(context, handles);
  const asked = await askableTasks(context, checkpoint, await openRunTasks(context, handles), chat);
  return asked.map(({ name, task }) => ({ name, hash: task.hash, profiled: profiledHash(task) }));
};

export const profileCalls = (context: EngineContext): AnswersTo<'profile'> => ({
  'profile.read': async ({ model, tasks, chat }) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const profiles: TaskProfile[] = [];
    for (const { name, hash, profiled } of await profiledItems(context, checkpoint, tasks, chat)) {
      const parts = await storedProfileParts(context, checkpoint, profiled);
      if (parts !== null) profiles.push(await taskProfileOfParts({ name, hash }, parts));
    }
    return profiles;
  },
  'profile.holds': async ({ model, tasks, ...purpose }) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const extras = methodExtras(purpose);
    const isHeld = async (task: RunTask): Promise<boolean> => {
      const [asked] = await askableTasks(context, checkpoint, [task], purpose.chat);
      return (
        asked !== undefined && (await fileOfProfile(context, checkpoint, profiledHash(asked.task), extras)) !== null
      );
    };
    return { held: await Promise.all((await openRunTasks(context, tasks)).map(isHeld)) };
  },
  /** The order of experts for maps. */
  'profile.likeness': async ({ model, task, chat }, signal) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const [items] = await profiledItems(context, checkpoint, [task], chat);
    const profile = items === undefined ? null : await fileOfProfile(context, checkpoint, items.profiled);
    return { order: profile === null ? null : await context.reader.read({ read: 'likeness', profile }, signal) };
  },
});
