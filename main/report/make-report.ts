import type { Finding } from '../contract/family.ts';
import { readRunProfiles } from '../jobs/read-run-profiles.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { readReportComparisons } from './read-comparison.ts';
import { readStoredSweep } from './read-family.ts';
import { reportPage } from './report-page.ts';

/** The report of a sweep as it lies on disk, finished or not. */
export const makeReport = async (
  workspace: Workspace,
  run: string,
  options: Parameters<typeof readStoredSweep>[2],
): Promise<{ readonly html: string; readonly findings: readonly Finding[] }> => {
  const stored = await readStoredSweep(workspace, run, options);
  const profiles = await readRunProfiles(workspace.runs.folder(run), stored.manifest);
  const comparisons = await readReportComparisons(workspace, stored.document);
  return { html: reportPage({ ...stored, comparisons, profiles }), findings: stored.family.findings };
};
