import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { fitDocument, recordedFitSettings } from '../../contract/fit.ts';
import { reproduction } from '../../contract/reproduction.ts';
import type { RunManifest } from '../../contract/run.ts';
import { runCodeText } from '../../contract/run-origin.ts';
import { sweepSettings } from '../../contract/sweep.ts';
import { checkSweep } from '../../jobs/check-sweep.ts';
import { FIT_FILE } from '../../jobs/fit-job.ts';
import { requireRepeatable } from '../../reproduction/compare-fit-folders.ts';
import { reproduceFitJob, reproduceJob } from '../../reproduction/reproduce-job.ts';
import { REPRODUCTION_FILE } from '../../runs/experiment-record.ts';
import { readResult } from '../../runs/read-result.ts';
import { withoutTorch } from '../../torch/open-torch-model.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import { requireKind } from '../../contract/run-kinds.ts';
import { codeToConfirm } from '../approved-run.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { manifestAgain, noResult, requireDone, type RunKindDefinition, startRun } from '../run-kind.ts';
import { reopenCandidates, reopenSubjects } from '../run-subjects.ts';
import { fitInputOf, fitRun } from './fit.ts';
import { sweepRun } from './sweeps.ts';

const repeated = {
  of: boundedText,
  /** Code with which the user confirmed the reproduced run; absent if it was made here. */
  confirmed: runCodeText.optional(),
};

/** Spec in a reproduction's manifest: of a sweep, or of a search for the best model that fits. */
const reproduceSpec = z.union([
  z.object({ ...repeated, settings: sweepSettings }),
  z.object({ ...repeated, fit: recordedFitSettings }),
]);

const readFinished = async ({ workspace }: EngineContext, run: string): Promise<RunManifest> => {
  const manifest = await workspace.runs.read(run);
  if (manifest.kind !== 'fit')
    requireKind(manifest, 'sweep', 'Choose a sweep, or a search for the best model: only these are reproduced.');
  requireDone(manifest);
  if (manifest.kind === 'fit') {
    const document = await readResult(join(workspace.runs.folder(run), FIT_FILE), fitDocument);
    if (document === null) throw refuse('no-fit', `${manifest.title} has no result.`, 'Start a new search.');
    requireRepeatable(document);
  }
  return manifest;
};

/** A second measurement of a finished sweep or search, and the comparison of both. */
export const reproduceRun: RunKindDefinition<typeof reproduceSpec> = {
  kind: 'reproduce',
  onTorch: true,
  schema: reproduceSpec,
  check: ({ device }, { spec, models, tasks }) => {
    // PyTorch may refuse a run that onnxruntime measured.
    if (device.engine === undefined) return undefined;
    if ('fit' in spec) throw withoutTorch('a search for the best model that fits');
    return checkSweep({ models, tasks, settings: spec.settings }, device);
  },
  title: async (context, { spec }) => `Reproduction of ${(await readFinished(context, spec.of)).title}`,
  job: async (context, { spec, models, tasks }, device) => {
    const { of, confirmed } = spec;
    const original = await readFinished(context, of);
    const unconfirmed = await codeToConfirm(context, original, confirmed);
    const candidates = await reopenCandidates(context, original, unconfirmed);
    const provenance = await context.provenanceOf(of);
    const common = {
      original: provenance === undefined ? original : { ...original, provenance },
      folder: context.workspace.runs.folder(of),
      circumstances: { device, versions: { ...(await context.devices.open(device)).versions } },
      createPool: () => context.createPool(device),
    };
    if ('fit' in spec) {
      const order = { spec: spec.fit, models, tasks };
      const again = await manifestAgain(context, fitRun, order, original);
      return reproduceFitJob({ ...common, again, fit: fitInputOf(order) });
    }
    const { settings } = spec;
    const again = await manifestAgain(context, sweepRun, { spec: settings, models, tasks, candidates }, original);
    return reproduceJob({ ...common, again, sweep: { models, tasks, settings, candidates } });
  },
};

export const reproduceCalls = (context: EngineContext): AnswersTo<'reproduction' | 'run'> => ({
  'run.reproduce': async ({ run, confirmed }, signal) => {
    const original = await readFinished(context, run);
    const spec = {
      of: run,
      ...(original.kind === 'fit'
        ? { fit: recordedSpec(original, recordedFitSettings) }
        : { settings: recordedSpec(original, sweepSettings) }),
      ...(confirmed === undefined ? {} : { confirmed }),
    };
    const subjects = await reopenSubjects(context, original, await codeToConfirm(context, original, confirmed));
    return startRun(context, reproduceRun, { spec, ...subjects }, signal);
  },
  'reproduction.read': async ({ run }) => {
    const { runs } = context.workspace;
    const manifest = requireKind(await runs.read(run), 'reproduce');
    const found = await readResult(join(runs.folder(run), REPRODUCTION_FILE), reproduction);
    if (found === null) throw noResult('no-reproduction', manifest);
    return withProvenance(context, run, found);
  },
});
