import { join } from 'node:path';
import type { Workspace } from '../workspace/open-workspace.ts';
import { addBundledRun } from './sample-run.ts';

/** Name, among the runs of a workspace, of the experiment that comes with the workbench. */
export const RECORDED_EXPERIMENT = 'experiment';

/** Its folder among the resources. */
export const recordedExperimentFolder = (resources: string): string => join(resources, 'experiment', 'run');

/** Puts the recorded experiment into a workspace; false where it is there already. */
export const addRecordedExperiment = (
  workspace: Pick<Workspace, 'runs' | 'temporaryFolder'>,
  resources: string,
): Promise<boolean> => addBundledRun(workspace, recordedExperimentFolder(resources), RECORDED_EXPERIMENT);
