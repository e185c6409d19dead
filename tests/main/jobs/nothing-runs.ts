import type { JobContext } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const refused = (): Promise<never> => Promise.reject(new Error('no model is run here'));
const nothing = (): Promise<void> => Promise.resolve();

/** The part of a job's context that runs models, for jobs that run no models. */
export const nothingRuns: Pick<JobContext, 'runners' | 'requireUnchanged'> = {
  runners: { open: refused, openAlone: refused, close: nothing, closeAll: nothing },
  requireUnchanged: nothing,
};

/** The context of a sweep in a workspace of its own, in which no model runs. */
export const contextOfNothing = async (signal = new AbortController().signal): Promise<JobContext> => {
  const workspace = await openWorkspace(await temporaryFolder());
  return {
    ...workspace,
    ...nothingRuns,
    run: 'sweep-1',
    folder: workspace.path,
    madeAt: new Date(0),
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    signal,
    meter: createProgressMeter({ run: 'sweep-1', kind: 'sweep', title: '' }, () => 0),
    now: () => 0,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
};
