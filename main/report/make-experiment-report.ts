import { refuse } from '../contract/errors.ts';
import type { ExperimentDocument } from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { experimentDocument } from '../evaluation/experiment/document.ts';
import { readExperimentReproduction, readPublishedTable, requireExperimentRecord } from '../runs/experiment-record.ts';
import type { RunSource } from '../runs/run-source.ts';
import { experimentPage, experimentReportName } from './experiment-page.ts';
import { kindInWords } from '../words/run-kinds.ts';

export const experimentManifestOf = async ({ runs }: Pick<RunSource, 'runs'>, run: string): Promise<RunManifest> => {
  const manifest = await runs.read(run);
  if (manifest.kind === 'experiment') return manifest;
  throw refuse(
    'not-an-experiment',
    `${run} is ${kindInWords(manifest.kind)}, not an experiment.`,
    'Choose an experiment.',
  );
};

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
