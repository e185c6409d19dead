import { calls } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { jobOfRun } from '../job-of-run.ts';

type RunCall = 'runs.list' | 'runs.remove' | 'runs.trash' | 'jobs.list' | 'jobs.cancel' | 'jobs.resume';

export const runCalls = (context: EngineContext): Pick<Answers, RunCall> => {
  const { workspace, queue } = context;
  return {
    'runs.list': answer(calls['runs.list'], () => workspace.runs.list()),
    'runs.remove': answer(calls['runs.remove'], async ({ run }) => {
      await workspace.runs.remove(run);
      context.emit({ type: 'run.removed', run });
      return {};
    }),
    'runs.trash': answer(calls['runs.trash'], async ({ run }) => {
      const at = await workspace.runs.trash(run);
      context.emit({ type: 'run.removed', run });
      return { at };
    }),
    'jobs.list': answer(calls['jobs.list'], () => [...queue.list()]),
    'jobs.cancel': answer(calls['jobs.cancel'], ({ run }) => {
      queue.cancel(run);
      return {};
    }),
    'jobs.resume': answer(calls['jobs.resume'], async ({ run, takeOver }) => {
      if (queue.has(run)) throw refuse('already-running', `${run} is being worked on already.`, 'Wait until it ends.');
      const lock = await workspace.runs.lock(run, takeOver);
      try {
        const manifest = await workspace.runs.read(run);
        const job = await jobOfRun(context, manifest);
        const queued = { ...manifest, state: 'queued' as const, error: null, finishedAt: null };
        await workspace.runs.write(queued);
        queue.add({ manifest: queued, lock }, job);
      } catch (error) {
        await lock.release();
        throw error;
      }
      return {};
    }),
  };
};
