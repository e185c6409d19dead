import { stat } from 'node:fs/promises';
import path from 'node:path';
import { openCheckpoint, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import type { Verification } from '../contract/export.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import type { ForwardResult, ModelRunnerSettings } from '../inference/model-runner.ts';
import { openModelRunner } from '../inference/open-model-runner.ts';
import { compareForward, NOT_COMPARABLE, type ForwardComparison } from './compare-forward.ts';
import { tensorProblems } from './compare-tensors.ts';
import { configProblems } from './export-config.ts';
import { exportedTensors } from './exported-tensors.ts';
import { checksumProblems } from './file-checksums.ts';
import { planFileProblems } from './plan-file.ts';
import { preparePlan } from './prepare-plan.ts';
import { probeSequences } from './probe-sequences.ts';
import { tokenizerProblems } from './side-files.ts';
import { VerifyProgress, type ExportControl } from './export-progress.ts';

/** Bound on |a - b| / max(1, |a|) for float32 logits of the original (a) and the export (b). */
export const LOGIT_TOLERANCE = 1e-5;

/** Problems of one kind that are listed; the rest are counted. */
const MAX_LISTED = 20;

export interface VerifyRequest {
  /** Folder to prove. */
  readonly exported: string;
  /** The unpruned original. */
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly settings: ModelRunnerSettings;
  readonly control: ExportControl;
}

/**
 * Proves that a folder is the original pruned by the plan: its config and every tensor are byte for byte what the plan
 * makes of the source, nothing is missing or extra, and on seeded sequences the masked (or overlaid) original and the
 * reopened folder choose the same experts and give the same float32 logits: |a - b| <= 1e-5 * max(1, |a|).
 *
 * A folder that is something else is a result (`ok: false` with problems); one that is no model folder at all, or a
 * plan that does not fit the original, is refused.
 */
export const verifyExport = async (request: VerifyRequest): Promise<Verification> => {
  const { exported, checkpoint, settings, control } = request;
  const plan = preparePlan(checkpoint, request.plan);
  await requireModelFolder(exported);
  try {
    const tensors = await exportedTensors(checkpoint, plan, settings.overlayFolder);
    const opened = await openOrExplain(exported);
    if (typeof opened === 'string') return unopened([opened, ...(await checksumProblems(exported, control.signal))]);
    const progress = new VerifyProgress(control, tensors);
    const files = [
      ...configProblems(checkpoint, plan, opened.config),
      ...(await tokenizerProblems(checkpoint.folder, exported)),
      ...(await planFileProblems(exported, plan)),
      ...(await checksumProblems(exported, control.signal)),
    ];
    const differing = await tensorProblems(tensors, opened.tensors, progress.compared);
    const sequences = probeSequences(checkpoint.descriptor);
    const forward = await compareModels(checkpoint, opened, plan, sequences, settings, progress);
    const problems = [...listed(files), ...listed(differing), ...listed(forward.problems)];
    return {
      ok: problems.length === 0,
      sequences: sequences.length,
      tokens: sequences.reduce((sum, { length }) => sum + length, 0),
      maxLogitDifference: forward.maxLogitDifference,
      tolerance: LOGIT_TOLERANCE,
      sameExperts: forward.sameExperts,
      sameTensors: differing.length === 0,
      problems,
    };
  } catch (error) {
    throw control.signal.aborted ? new CancelledError('The verification') : error;
  }
};

/** Whether this can be an export at all. */
const requireModelFolder = async (folder: string): Promise<void> => {
  const isFile = await stat(path.join(folder, 'config.json')).then((stats) => stats.isFile(), () => false);
  if (!isFile) throw refuse('no-model', `${folder} is no model folder: it holds no config.json.`, 'Name the folder that the export was written to.');
};

/** The checkpoint, or why it does not open: something else than the export, which is a finding. */
const openOrExplain = async (folder: string): Promise<Checkpoint | string> => {
  try {
    return await openCheckpoint(folder);
  } catch (error) {
    if (error instanceof WorkbenchError && error.kind === 'refused') return `The folder does not open: ${error.message}`;
    throw error;
  }
};

const unopened = (problems: readonly string[]): Verification => ({
  ok: false,
  sequences: 0,
  tokens: 0,
  maxLogitDifference: NOT_COMPARABLE,
  tolerance: LOGIT_TOLERANCE,
  sameExperts: false,
  sameTensors: false,
  problems: listed(problems),
});

const listed = (problems: readonly string[]): string[] =>
  problems.length <= MAX_LISTED ? [...problems] : [...problems.slice(0, MAX_LISTED), `… and ${String(problems.length - MAX_LISTED)} more of this kind.`];

const compareModels = async (
  checkpoint: Checkpoint,
  exported: Checkpoint,
  plan: Plan,
  sequences: readonly (readonly number[])[],
  settings: ModelRunnerSettings,
  progress: VerifyProgress,
): Promise<ForwardComparison> => {
  const ours = await forward(checkpoint, plan, sequences, settings, progress, 0);
  let theirs: readonly ForwardResult[];
  try {
    theirs = await forward(exported, null, sequences, settings, progress, 1);
  } catch (error) {
    if (!(error instanceof WorkbenchError && error.kind === 'refused')) throw error;
    return { maxLogitDifference: NOT_COMPARABLE, sameExperts: false, problems: [`The export does not take what the original takes: ${error.message}`] };
  }
  // A merged model numbers its experts as the export does; a masked one keeps the original numbers.
  const keptIndex = isMergePlan(plan)
    ? plan.groups.map((groups) => new Map(groups.map((_, kept) => [kept, kept])))
    : plan.kept.map((kept) => new Map(kept.map((expert, index) => [expert, index])));
  return compareForward(ours, theirs, keptIndex, sequences.map(({ length }) => length), LOGIT_TOLERANCE);
};

const forward = async (
  checkpoint: Checkpoint,
  plan: Plan | null,
  sequences: readonly (readonly number[])[],
  settings: ModelRunnerSettings,
  progress: VerifyProgress,
  run: 0 | 1,
): Promise<readonly ForwardResult[]> => {
  // Every block runs once, so keeping it open after that would cost memory and gain nothing.
  const runner = await openModelRunner(checkpoint, { ...settings, streamed: true });
  try {
    return await runner.forward(sequences, plan, { signal: progress.signal, onProgress: (done, total) => progress.ran(run, done / total) });
  } finally {
    await runner.dispose();
  }
};
