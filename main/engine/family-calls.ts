import { calls } from '../contract/calls.ts';
import type { FamilyDocument } from '../contract/family.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { MeasuredPairs } from '../evaluation/family-document.ts';
import { readRunProfiles } from '../jobs/read-run-profiles.ts';
import { readReportComparisons } from '../report/read-comparison.ts';
import { familyOf, readFamilyPairs } from '../report/read-family.ts';
import { readRecordedTrainings } from '../report/read-recorded-trainings.ts';
import { reportName, reportPage } from '../report/report-page.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';
import { currentDocument, sweepDelta, sweepManifest } from './sweep-calls.ts';

type FamilyCall = 'sweep.family' | 'report.make';

interface SweepFamily {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly family: FamilyDocument;
}

/** Answers about a sweep's models as a family. Pairs do not depend on delta: those of a finished run are kept. */
export const familyCalls = (context: EngineContext): Pick<Answers, FamilyCall> => {
  const measured = new Map<string, MeasuredPairs>();
  let recorded: ReturnType<typeof readRecordedTrainings> | null = null;
  const bundled = {
    folders: [...context.bundled.models.values()],
    open: context.checkpoint,
    recorded: () => (recorded ??= readRecordedTrainings(context.resources)),
  };

  const pairsOf = async (manifest: RunManifest, document: SweepDocument): Promise<MeasuredPairs> => {
    const key = `${manifest.id} ${manifest.finishedAt ?? ''}`;
    const known = measured.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const pairs = await readFamilyPairs(context.workspace, document);
    if (manifest.state === 'done') measured.set(key, pairs);
    return pairs;
  };

  const read = async (run: string, given: number | undefined): Promise<SweepFamily> => {
    const manifest = await sweepManifest(context, run);
    const delta = given ?? sweepDelta(manifest);
    const document = await currentDocument(context, run, delta);
    const family = await familyOf(manifest, document, delta, await pairsOf(manifest, document), bundled);
    return { manifest, document, family };
  };

  return {
    'sweep.family': answer(calls['sweep.family'], async ({ run, delta }) => (await read(run, delta)).family),
    'report.make': answer(calls['report.make'], async ({ run, delta }) => {
      const source = await read(run, delta);
      const profiles = await readRunProfiles(context.workspace.runs.folder(run), source.manifest);
      return { name: reportName(source.manifest), html: reportPage({ ...source, comparisons: await readReportComparisons(context.workspace, source.document), profiles }) };
    }),
  };
};
