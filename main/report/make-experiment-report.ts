import type { ExperimentDocument } from '../contract/experiment.ts';
import { experimentDocument } from '../evaluation/experiment/document.ts';
import {
  experimentManifestOf,
  readExperimentReproduction,
  readPublishedTable,
  requireExperimentRecord,
} from '../runs/experiment-record.ts';
import type { RunSource } from '../runs/run-source.ts';
import { experimentPage, experimentReportName } from './experiment-page.ts';

/** Document of an experiment, at its own margin unless another one is given. */
export const readExperimentDocument = async (
  source: RunSource,
  run: string,
  delta: number | undefined,
): Promise<ExperimentDocument> => {
  const manifest = await experimentManifestOf(source, run);
  const folder = source.runs.folder(run);
  return experimentDocument(await requireExperimentRecord(folder, manifest), {
    delta,
    published: await readPublishedTable(source.resources),
    reproduction: await readExperimentReproduction(folder),
  });
};

/** The report of an experiment on disk, finished or not. */
export const makeExperimentReport = async (
  source: RunSource,
  run: string,
  delta: number | undefined,
): Promise<{
  readonly name: string;
  readonly html: string;
  readonly findings: ExperimentDocument['answers'][number]['findings'];
}> => {
  const manifest = await experimentManifestOf(source, run);
  const document = await readExperimentDocument(source, run, delta);
  return {
    name: experimentReportName(manifest),
    html: experimentPage(manifest, document),
    findings: document.answers.flatMap(({ findings }) => findings),
  };
};
