import type { ExperimentDocument } from '../contract/experiment.ts';
import { experimentDocument } from '../evaluation/experiment/document.ts';
import { readExperimentReproduction, readPublishedTable, requireExperimentRecord } from '../runs/experiment-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { experimentPage } from './experiment-page.ts';

/** The report of an experiment as it lies on disk, finished or not. */
export const makeExperimentReport = async (
  { runs }: Pick<Workspace, 'runs'>,
  run: string,
  { delta, resources }: { readonly delta: number | undefined; readonly resources: string },
): Promise<{ readonly html: string; readonly findings: ExperimentDocument['answers'][number]['findings'] }> => {
  const manifest = await runs.read(run);
  const folder = runs.folder(run);
  const document = experimentDocument(await requireExperimentRecord(folder, manifest), {
    delta,
    published: await readPublishedTable(resources),
    reproduction: await readExperimentReproduction(folder),
  });
  return { html: experimentPage(manifest, document), findings: document.answers.flatMap(({ findings }) => findings) };
};
