import { calls } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import type { ClusterWorks } from '../cluster-works.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { jobOfRun } from '../job-of-run.ts';

type RunCall = 'runs.list' | 'runs.remove' | 'runs.trash' | 'jobs.list' | 'jobs.cancel' | 'jobs.resume';

export const runCalls = (context: EngineContext, clusters: ClusterWorks): Pick<Answers, RunCall> => {
  const { workspace, queue } = context;
  return {
    'runs.list': answer(calls['runs.list'], async () => {
      const manifests = await workspace.runs.list();
      await clusters.find(manifests);
      return manifests.map((manifest) => clusters.shown(manifest));
    }),
    'runs.remove': answer(calls['runs.remove'], async ({ run }) => {
      clusters.requireNotOn(run);
      await workspace.runs.remove(run);
      context.emit({ type: 'run.removed', run });
      return {};
    }),
    'runs.trash': answer(calls['runs.trash'], async ({ run }) => {
      clusters.requireNotOn(run);
      const at = await workspace.runs.trash(run);
      context.emit({ type: 'run.removed', run });
      return { at };
    }),
    'jobs.list': answer(calls['jobs.list'], () => [...queue.list()]),
    'jobs.cancel': answer(calls['jobs.cancel'], async ({ run }) => {
      if (clusters.worksOn(run)) await clusters.cancel(run);
      else queue.cancel(run);
      return {};
    }),
    'jobs.resume': answer(calls['jobs.resume'], async ({ run, takeOver }) => {
      if (queue.has(run)) throw refuse('already-running', `${run} is being worked on already.`, 'Wait until it ends.');
      clusters.requireNotOn(run);
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
