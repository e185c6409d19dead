import { join } from 'node:path';
import type { Workspace } from '../workspace/open-workspace.ts';
import { addBundledRun } from './sample-run.ts';

/** Name of the bundled experiment among the runs of a workspace. */
export const RECORDED_EXPERIMENT = 'experiment';

/** Its folder in the resources. */
export const recordedExperimentFolder = (resources: string): string => join(resources, 'experiment', 'run');

/** Adds the recorded experiment to a workspace; false where it is there already. */
export const addRecordedExperiment = (
  workspace: Pick<Workspace, 'runs' | 'temporaryFolder'>,
  resources: string,
  signal?: AbortSignal,
): Promise<boolean> => addBundledRun(workspace, recordedExperimentFolder(resources), RECORDED_EXPERIMENT, signal);
