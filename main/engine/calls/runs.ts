import { basename } from 'node:path';
import { refuse, requireAsked } from '../../contract/errors.ts';
import { takeoverOf } from '../../jobs/job-queue.ts';
import { adoptRun, approveRun, approveToResume, readRunOrigin } from '../approved-run.ts';
import type { ClusterWorks } from '../cluster-works.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { jobOfRun } from '../job-of-run.ts';
import { identifyModels } from '../run-subjects.ts';

export const runCalls = (
  context: EngineContext,
  clusters: ClusterWorks,
): AnswersTo<'jobs' | 'runs' | 'trash' | 'cluster'> => {
  const { workspace, queue } = context;
  /** Runs that are being put into the queue again. */
  const resuming = new Set<string>();
  const resume = async (
    run: string,
    takeOver: boolean | undefined,
    confirmed: Parameters<typeof approveToResume>[2],
    signal: AbortSignal,
  ): Promise<void> => {
    // Before locking, so that a refusal changes nothing.
    await approveRun(context, run, confirmed?.code);
    const lock = await workspace.runs.lock(run, takeOver);
    try {
      const { manifest, isForeign } = await approveToResume(context, run, confirmed);
      const job = await jobOfRun(context, manifest);
      // A run that is done stays so: whether its models are the same is known before it is queued.
      if (manifest.state === 'done') await identifyModels(context, job.sources, manifest, { signal });
      // Making the job takes a moment, in which another process may have taken the run over.
      if (!(await lock.isHeld())) throw await takeoverOf(workspace.runs, run);
      requireAsked(signal);
      const continued = isForeign ? await adoptRun(context, manifest) : manifest;
      const queued = { ...continued, state: 'queued' as const, error: null, finishedAt: null };
      await workspace.runs.write(queued);
      queue.add({ manifest: queued, lock }, job);
    } catch (error) {
      await lock.release();
      throw error;
    }
  };
  return {
    'runs.list': async () => {
      const manifests = await workspace.runs.list(await context.vouching());
      await clusters.find(manifests);
      return manifests.map((manifest) => clusters.shown(manifest));
    },
    'runs.remove': async ({ run }) => {
      clusters.requireNotOn(run);
      await workspace.runs.remove(run);
      context.emit({ type: 'run.removed', run });
      return {};
    },
    'runs.trash': async ({ run }) => {
      clusters.requireNotOn(run);
      const at = await workspace.runs.trash(run);
      context.emit({ type: 'run.removed', run });
      return { at, entry: basename(at) };
    },
    'runs.label': async ({ run, change }) => {
      const label = await workspace.runs.label(run, change);
      context.emit({ type: 'runs.relisted' });
      return label;
    },
    'runs.origin': ({ run }) => readRunOrigin(context, run),
    'runs.log': async ({ run }) => {
      await workspace.runs.read(run);
      return context.logs.read(run);
    },
    'trash.list': () => workspace.trash.list(),
    'trash.restore': async ({ entry }) => {
      const run = await workspace.trash.restore(entry);
      context.emit({ type: 'runs.relisted', restored: run });
      return { run };
    },
    'trash.empty': async ({ entry }) => {
      try {
        return await workspace.trash.empty(entry);
      } finally {
        context.emit({ type: 'runs.relisted' });
      }
    },
    'jobs.list': () => [...queue.list()],
    'jobs.cancel': async ({ run }) => {
      if (clusters.worksOn(run)) await clusters.cancel(run);
      else queue.cancel(run);
      return {};
    },
    'jobs.move': ({ run, before }) => {
      queue.move(run, before);
      return {};
    },
    'jobs.resume': async ({ run, takeOver, confirmed }, signal) => {
      queue.requireNew(run);
      clusters.requireNotOn(run);
      if (resuming.has(run))
        throw refuse('already-running', `${run} is already being resumed.`, 'Wait until it is in the list of jobs.');
      resuming.add(run);
      try {
        await resume(run, takeOver, confirmed, signal);
      } finally {
        resuming.delete(run);
      }
      return {};
    },
    'cluster.script': async ({ run, request }) => ({ script: await clusters.script(run, request) }),
    'cluster.submit': ({ run, request, confirmed }, signal) => clusters.submit(run, request, signal, confirmed),
    'cluster.list': () => clusters.list(),
    'cluster.cancel': async ({ run }) => {
      await clusters.cancel(run);
      return {};
    },
    'cluster.forget': async ({ run }) => {
      await clusters.forget(run);
      return {};
    },
    'cluster.log': ({ run, task }) => clusters.log(run, task),
  };
};
