import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { reproduction } from '../../contract/reproduction.ts';
import type { RunManifest } from '../../contract/run.ts';
import { runCodeText } from '../../contract/run-origin.ts';
import { recordedSweepSettings } from '../../contract/sweep.ts';
import { checkSweep } from '../../jobs/check-sweep.ts';
import { reproduceJob } from '../../reproduction/reproduce-job.ts';
import { REPRODUCTION_FILE } from '../../runs/experiment-record.ts';
import { readResult } from '../../runs/read-result.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import { requireKind } from '../../words/run-kinds.ts';
import { codeToConfirm } from '../approved-run.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { manifestAgain, requireDone, type RunKindDefinition, startRun } from '../run-kind.ts';
import { reopenCandidates, reopenSubjects } from '../run-subjects.ts';
import { sweepRun } from './sweeps.ts';

/** Spec in a reproduction's manifest. */
const reproduceSpec = z.object({
  of: boundedText,
  settings: recordedSweepSettings,
  /** Code with which the user confirmed the reproduced run; absent if it was made here. */
  confirmed: runCodeText.optional(),
});

const readFinishedSweep = async ({ workspace }: EngineContext, run: string): Promise<RunManifest> => {
  const manifest = requireKind(await workspace.runs.read(run), 'sweep', 'Choose a sweep: only sweeps are reproduced.');
  requireDone(manifest);
  return manifest;
};

/** A second measurement of a finished sweep, and the comparison of both. */
export const reproduceRun: RunKindDefinition<typeof reproduceSpec> = {
  kind: 'reproduce',
  onTorch: true,
  schema: reproduceSpec,
  // PyTorch may refuse a run that onnxruntime measured.
  check: ({ device }, { spec: { settings }, models, tasks }) =>
    device.engine === undefined ? undefined : checkSweep({ models, tasks, settings }, device),
  title: async (context, { spec }) => `Reproduction of ${(await readFinishedSweep(context, spec.of)).title}`,
  job: async (context, { spec: { of, settings, confirmed }, models, tasks }, device) => {
    const original = await readFinishedSweep(context, of);
    const unconfirmed = await codeToConfirm(context, original, confirmed);
    const candidates = await reopenCandidates(context, original, unconfirmed);
    const provenance = await context.provenanceOf(of);
    const order = { spec: settings, models, tasks, candidates };
    return reproduceJob({
      original: provenance === undefined ? original : { ...original, provenance },
      again: await manifestAgain(context, sweepRun, order, original),
      folder: context.workspace.runs.folder(of),
      sweep: { models, tasks, settings, candidates },
      circumstances: { device, versions: { ...(await context.devices.open(device)).versions } },
      createPool: () => context.createPool(device),
    });
  },
};

export const reproduceCalls = (context: EngineContext): AnswersTo<'reproduction' | 'run'> => ({
  'run.reproduce': async ({ run, confirmed }, signal) => {
    const original = await readFinishedSweep(context, run);
    const settings = recordedSpec(original, recordedSweepSettings);
    const spec = { of: run, settings, ...(confirmed === undefined ? {} : { confirmed }) };
    const subjects = await reopenSubjects(context, original, await codeToConfirm(context, original, confirmed));
    return startRun(context, reproduceRun, { spec, ...subjects }, signal);
  },
  'reproduction.read': async ({ run }) => {
    const { runs } = context.workspace;
    const manifest = requireKind(await runs.read(run), 'reproduce');
    const found = await readResult(join(runs.folder(run), REPRODUCTION_FILE), reproduction);
    if (found === null)
      throw refuse(
        'no-reproduction',
        `${manifest.title} has no result (${manifest.state}).`,
        'Wait until it is done, or resume it.',
      );
    return withProvenance(context, run, found);
  },
});
