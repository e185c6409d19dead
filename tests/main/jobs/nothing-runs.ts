import type { JobContext } from '../../../main/jobs/job-context.ts';

const refused = (): Promise<never> => Promise.reject(new Error('no model is run here'));
const nothing = (): Promise<void> => Promise.resolve();

/** The part of a job's context that runs models, for jobs that run no models. */
export const nothingRuns: Pick<JobContext, 'runners' | 'requireUnchanged'> = {
  runners: { open: refused, openAlone: refused, close: nothing, closeAll: nothing },
  requireUnchanged: nothing,
};
