import { stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type Checkpoint,
  INDEX_FILE,
  MAX_CONFIG_BYTES,
  openCheckpoint,
  SINGLE_FILE,
} from '../checkpoint/open-checkpoint.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { CancelledError, expected, refuse, WorkbenchError } from '../contract/errors.ts';
import type { CompressedType, PredictionChoice, Verification } from '../contract/export.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { ifThere } from '../files/file-errors.ts';
import { readText } from '../files/regular-file.ts';
import { pathSignature } from '../files/path-signature.ts';
import type { ForwardResult } from '../inference/model-runner.ts';
import { slicingObstacle } from './check-export.ts';
import { compareForward, type ForwardComparison, NOT_COMPARABLE, probeSequences } from './compare-forward.ts';
import { type ByteProgress, tensorProblems } from './compare-tensors.ts';
import { configFileProblems, keptExperts } from './export-config.ts';
import { checksumProblems, folderProblems } from './export-folder.ts';
import { compressedFolder, compressedTypeOf } from './compressed-folder.ts';
import { type ExportControl, type ExportSettings, VerifyProgress, weightBytes } from './export-progress.ts';
import { type ExportedTensor, exportedTensors } from './exported-tensors.ts';
import { GGUF_FILE, ggufProblems, planGguf, readGgufType } from './gguf/gguf-file.ts';
import { isStoredGguf, planStoredGguf, storedHeaderProblems } from './gguf/stored-gguf.ts';
import { ONNX_DATA_FILE, ONNX_FILE, onnxData } from './onnx-files.ts';
import { planFileProblems, preparePlan, requireChange } from './prepare-plan.ts';
import { compareOnnx, verificationSlots } from './verify-onnx.ts';

/**
 * Bound on |a - b| / max(1, L) for float32 logits of the original (a) and the export (b), L being the largest |a| of
 * the position (compareLogits gives the sizes of noise and of errors).
 */
export const LOGIT_TOLERANCE = 1e-5;

/** Number of problems of one kind that are listed; the rest are counted. */
const MAX_LISTED = 20;

export interface VerifyRequest {
  readonly exported: string;
  /** The unpruned original. */
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly settings: ExportSettings;
  readonly control: ExportControl;
}

/**
 * Proves that a folder is the original pruned by the plan: its config, side files and every tensor are byte for byte
 * what the plan makes of the source, no file is missing or extra, and on seeded sequences the masked (or overlaid)
 * original and the reopened folder choose the same experts and give the same float32 logits: |a - b| <= 1e-5 * max(1,
 * largest |a| of the position). Everything in the folder is verified: weights that open as a checkpoint, an ONNX graph,
 * or both (a graph does not output experts; one larger than the memory budget is held to 1e-4). A GGUF file is not run:
 * every byte of it is compared with what the plan makes of the source, as of a folder whose weights were quantised; but
 * one made of a GGUF file is opened and run too. All models run on the CPU.
 *
 * A folder with other content is a result (`ok: false` with problems). Refuses a folder that is not a model, or a plan
 * that does not fit the original; fails (`export-changed`) if the folder changes meanwhile.
 */
export const verifyExport = async (request: VerifyRequest): Promise<Verification> => {
  const exported = path.resolve(request.exported);
  const before = await pathSignature(exported);
  const verification = await verifyFolder(request);
  if ((await pathSignature(exported)) === before) return verification;
  throw new WorkbenchError(
    'export-changed',
    'failed',
    `${exported} changed while it was verified.`,
    'Verify it again once nothing writes to it.',
  );
};

const verifyFolder = async (request: VerifyRequest): Promise<Verification> => {
  const { checkpoint, control } = request;
  const exported = path.resolve(request.exported);
  const { settings } = request;
  // In another format or with weights of another type, an export may keep every expert.
  const plan = preparePlan(checkpoint, request.plan, true);
  if (isStoredGguf(checkpoint)) {
    requireChange(checkpoint, plan);
    return verifyStored(request, plan, exported);
  }
  const holds = await whatItHolds(exported);
  try {
    const opened = holds.weights ? await openOrExplain(exported) : null;
    if (typeof opened === 'string') return unopened([opened, ...(await checksumProblems(exported, control.signal))]);
    const mtp = madeOf(checkpoint, plan, opened);
    const tensors = await exportedTensors(checkpoint, plan, settings.overlays, mtp ?? 'drop');
    const type = opened === null || holds.onnx ? null : compressedTypeOf(checkpoint, opened);
    if (opened !== null && type !== null)
      return await verifyQuantised(exported, opened, checkpoint, plan, tensors, type, control);
    if (holds.gguf) return await verifyGguf(exported, checkpoint, plan, tensors, control);
    if (!holds.onnx) requireChange(checkpoint, plan);
    const progress = new VerifyProgress(control, tensors, Number(holds.weights) + Number(holds.onnx));
    const files = [
      ...(await configFileProblems(checkpoint, plan, exported, mtp ?? 'drop')),
      ...(opened === null ? [] : await formatProblems(checkpoint, opened)),
      ...(await folderProblems(checkpoint.folder, exported, modelFiles(opened, holds.onnx), control.signal)),
      ...(await planFileProblems(exported, plan)),
      ...(await checksumProblems(exported, control.signal)),
    ];
    const differing =
      opened === null
        ? await dataProblems(tensors, exported, progress.compared)
        : await tensorProblems(tensors, opened.tensors, progress.compared);
    const sequences = probeSequences(checkpoint.descriptor);
    const original = await forward(checkpoint, plan, sequences, settings, progress, 0);
    const reopened =
      opened === null
        ? null
        : await compareCheckpoint(opened, checkpoint, plan, sequences, original, settings, progress);
    const graph = holds.onnx
      ? await compareOnnx(exported, checkpoint, sequences, original, LOGIT_TOLERANCE, settings, {
          signal: control.signal,
          onProgress: (share) => {
            progress.ran(holds.weights ? 2 : 1, share);
          },
        })
      : null;
    // A missing file may also be reported where it is compared.
    const others = files.filter((problem) => !differing.includes(problem));
    return verified([others, differing, reopened?.problems ?? [], graph?.problems ?? []], {
      ...countsOf(sequences),
      maxLogitDifference: Math.max(reopened?.maxLogitDifference ?? 0, graph?.maxLogitDifference ?? 0),
      tolerance: Math.max(LOGIT_TOLERANCE, graph?.tolerance ?? 0),
      forms: [
        ...(reopened === null
          ? []
          : [{ form: 'hf' as const, maxLogitDifference: reopened.maxLogitDifference, tolerance: LOGIT_TOLERANCE }]),
        ...(graph === null
          ? []
          : [{ form: 'onnx' as const, maxLogitDifference: graph.maxLogitDifference, tolerance: graph.tolerance }]),
      ],
      sameExperts: reopened?.sameExperts ?? null,
      sameTensors: differing.length === 0,
      mtp,
    });
  } catch (error) {
    throw control.signal.aborted ? new CancelledError('The verification') : error;
  }
};

/** Why no engine but onnxruntime can verify an export; null: both models run from their weights. */
export const notRunFromWeights = async (exported: string, checkpoint: Checkpoint): Promise<string | null> => {
  if (isStoredGguf(checkpoint)) return 'an export of a GGUF file';
  const holds = await whatItHolds(exported);
  if (holds.onnx) return 'an ONNX graph';
  if (holds.gguf) return 'a GGUF file, which is not run';
  const opened = await openOrExplain(exported);
  if (typeof opened === 'string') return null;
  if ((opened.info.constantExperts ?? 0) > 0) return 'experts that give constants, which transformers does not open';
  return compressedTypeOf(checkpoint, opened) === null ? null : 'quantised weights, which are not run';
};

/** The same for an export of a GGUF file: its header, its tensors byte for byte, and both models run. */
const verifyStored = async (
  { checkpoint, settings, control }: VerifyRequest,
  plan: Plan,
  exported: string,
): Promise<Verification> => {
  const checksums = await checksumProblems(exported, control.signal);
  const opened = await openOrExplain(path.join(exported, GGUF_FILE));
  if (typeof opened === 'string') return unopened([opened, ...checksums]);
  try {
    const tensors = await exportedTensors(checkpoint, plan, settings.overlays);
    const progress = new VerifyProgress(control, tensors, 1);
    const stored = await planStoredGguf(checkpoint, tensors, keptExperts(plan));
    const files = [
      ...(await storedHeaderProblems(stored, exported)),
      ...(await folderProblems(checkpoint.folder, exported, [GGUF_FILE], control.signal)),
      ...(await planFileProblems(exported, plan)),
      ...checksums,
    ];
    const differing = await tensorProblems(tensors, opened.tensors, progress.compared);
    const sequences = probeSequences(checkpoint.descriptor);
    const original = await forward(checkpoint, plan, sequences, settings, progress, 0);
    const reopened = await compareCheckpoint(opened, checkpoint, plan, sequences, original, settings, progress);
    return verified([files, differing, reopened.problems], {
      ...countsOf(sequences),
      maxLogitDifference: reopened.maxLogitDifference,
      tolerance: LOGIT_TOLERANCE,
      sameExperts: reopened.sameExperts,
      sameTensors: differing.length === 0,
    });
  } catch (error) {
    throw control.signal.aborted ? new CancelledError('The verification') : error;
  }
};

/** How an export treated the source's extra prediction layers; null: there are none. */
const madeOf = ({ descriptor }: Checkpoint, plan: Plan, opened: Checkpoint | null): PredictionChoice | null => {
  if (descriptor.prediction.tensors.length === 0) return null;
  const isKept = opened !== null && opened.descriptor.prediction.tensors.length > 0;
  return isKept && slicingObstacle(descriptor.prediction, plan, 'hf') === null ? 'slice' : 'drop';
};

/** Models in an export; refuses a folder without any. */
export const whatItHolds = async (
  folder: string,
): Promise<{ readonly weights: boolean; readonly onnx: boolean; readonly gguf: boolean }> => {
  const isFile = (name: string): Promise<boolean> =>
    stat(path.join(folder, name)).then(
      (stats) => stats.isFile(),
      () => false,
    );
  if (!(await isFile('config.json'))) {
    throw refuse(
      'no-model',
      `${folder} is not a model folder: it contains no config.json.`,
      'Name the folder that the export was written to.',
    );
  }
  const onnx = await isFile(ONNX_FILE);
  const hasWeights = (await isFile(SINGLE_FILE)) || (await isFile(INDEX_FILE));
  const gguf = !onnx && !hasWeights && (await isFile(GGUF_FILE));
  return { weights: hasWeights || (!onnx && !gguf), onnx, gguf };
};

/** Verifies a folder whose only model is a GGUF file: compares all its contents, runs nothing. */
const verifyGguf = async (
  exported: string,
  checkpoint: Checkpoint,
  plan: Plan,
  tensors: readonly ExportedTensor[],
  control: ExportControl,
): Promise<Verification> => {
  const { signal } = control;
  const checksums = await checksumProblems(exported, signal);
  let differing: readonly string[];
  try {
    const type = await readGgufType(exported);
    if (type === null) return unopened([`${GGUF_FILE} does not give the type of its weights.`, ...checksums]);
    const gguf = await planGguf(checkpoint, plan, tensors, type);
    differing = await ggufProblems(gguf, exported, counted(control, gguf.sizeBytes));
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'bad-gguf') return unopened([error.message, ...checksums]);
    throw error;
  }
  return bytesCompared(checkpoint, plan, differing, [
    ...(await configFileProblems(checkpoint, plan, exported, 'drop')),
    ...(await folderProblems(checkpoint.folder, exported, ['config.json', GGUF_FILE], signal)),
    ...(await planFileProblems(exported, plan)),
    ...checksums,
  ]);
};

/** Verifies a folder whose weights were quantised: it opens, and all its contents are compared; runs nothing. */
const verifyQuantised = async (
  exported: string,
  opened: Checkpoint,
  checkpoint: Checkpoint,
  plan: Plan,
  tensors: readonly ExportedTensor[],
  type: CompressedType,
  control: ExportControl,
): Promise<Verification> => {
  const { signal } = control;
  const { config, tensors: wanted } = await compressedFolder(checkpoint, plan, tensors, type);
  const differing = await tensorProblems(wanted, opened.tensors, counted(control, weightBytes(wanted)));
  const text = await readText(path.join(exported, 'config.json'), { mostBytes: MAX_CONFIG_BYTES });
  return bytesCompared(checkpoint, plan, differing, [
    ...(text === config ? [] : [`config.json is not the source's text with the plan's changes and ${type}.`]),
    ...(await formatProblems(checkpoint, opened)),
    ...(await folderProblems(checkpoint.folder, exported, modelFiles(opened, false), signal)),
    ...(await planFileProblems(exported, plan)),
    ...(await checksumProblems(exported, signal)),
  ]);
};

/** Counts compared bytes of a folder that is not run. */
const counted = ({ signal, onProgress }: ExportControl, total: number): ByteProgress => {
  let done = 0;
  return (bytes) => {
    if (signal.aborted) throw new CancelledError('The verification');
    done += bytes;
    onProgress?.(Math.min(done, total), total);
  };
};

/** The result for a folder whose bytes were compared and which was not run. */
const bytesCompared = (
  checkpoint: Checkpoint,
  plan: Plan,
  differing: readonly string[],
  files: readonly string[],
): Verification =>
  verified([files, differing], { sameTensors: differing.length === 0, mtp: madeOf(checkpoint, plan, null) });

/** Names of the files from which an export in these formats is loaded. */
const modelFiles = (opened: Checkpoint | null, hasGraph: boolean): readonly string[] => {
  const weights = opened?.weightFiles.map(({ name }) => name) ?? [];
  return [
    'config.json',
    ...weights,
    ...(weights.some((name) => name !== SINGLE_FILE) ? [INDEX_FILE] : []),
    ...(hasGraph ? [ONNX_FILE] : []),
    ...(hasGraph && opened === null ? [ONNX_DATA_FILE] : []),
  ];
};

/** Loaders assume the framework that a weight file names, PyTorch where the source names none. */
const formatProblems = async (source: Checkpoint, exported: Checkpoint): Promise<readonly string[]> => {
  const formats = async ({ weightFiles }: Checkpoint): Promise<readonly (readonly [string, string])[]> =>
    Promise.all(
      weightFiles.map(
        async ({ name, file }) => [name, (await readSafetensorsHeader(file)).metadata['format'] ?? 'pt'] as const,
      ),
    );
  const wanted = new Set((await formats(source)).map(([, format]) => format));
  return (await formats(exported))
    .filter(([, format]) => !wanted.has(format))
    .map(([name, format]) => `${name} claims the format ${JSON.stringify(format)}.`);
};

/** Differences between the data file of a graph and the tensors of the plan. */
const dataProblems = async (
  tensors: readonly ExportedTensor[],
  folder: string,
  onBytes: ByteProgress,
): Promise<readonly string[]> => {
  const { views, sizeBytes } = onnxData(tensors, folder);
  const size = (await ifThere(() => stat(path.join(folder, ONNX_DATA_FILE))))?.size;
  if (size === undefined) return [`${ONNX_DATA_FILE} is missing.`];
  if (size !== sizeBytes) return [`${ONNX_DATA_FILE} has ${String(size)} bytes instead of ${String(sizeBytes)}.`];
  return tensorProblems(tensors, views, onBytes);
};

/** The checkpoint, or why it does not open, which is a finding. */
const openOrExplain = (folder: string): Promise<Checkpoint | string> =>
  openCheckpoint(folder).catch(expected(({ message }) => `The folder does not open: ${message}`, 'refused'));

const unopened = (problems: readonly string[]): Verification =>
  verified([problems], {
    maxLogitDifference: NOT_COMPARABLE,
    tolerance: LOGIT_TOLERANCE,
    sameExperts: false,
    sameTensors: false,
  });

/** The result with problems by their kind; nothing was run but for what `found` says. */
const verified = (
  problems: readonly (readonly string[])[],
  found: Partial<Verification> & Pick<Verification, 'sameTensors'>,
): Verification => ({
  ok: problems.every((ofKind) => ofKind.length === 0),
  sequences: 0,
  tokens: 0,
  maxLogitDifference: 0,
  tolerance: 0,
  forms: [],
  sameExperts: null,
  mtp: null,
  ...found,
  problems: problems.flatMap(listed),
});

const countsOf = (sequences: readonly (readonly number[])[]): Pick<Verification, 'sequences' | 'tokens'> => ({
  sequences: sequences.length,
  tokens: sequences.reduce((sum, { length }) => sum + length, 0),
});

const listed = (problems: readonly string[]): string[] =>
  problems.length <= MAX_LISTED
    ? [...problems]
    : [...problems.slice(0, MAX_LISTED), `… and ${String(problems.length - MAX_LISTED)} more of this kind.`];

const compareCheckpoint = async (
  exported: Checkpoint,
  { descriptor: { moeLayers } }: Checkpoint,
  plan: Plan,
  sequences: readonly (readonly number[])[],
  original: readonly ForwardResult[],
  settings: ExportSettings,
  progress: VerifyProgress,
): Promise<ForwardComparison> => {
  let theirs: readonly ForwardResult[];
  try {
    theirs = await forward(exported, null, sequences, settings, progress, 1);
  } catch (error) {
    if (!(error instanceof WorkbenchError && error.kind === 'refused')) throw error;
    return {
      maxLogitDifference: NOT_COMPARABLE,
      sameExperts: false,
      problems: [`The export refuses input that the original accepts: ${error.message}`],
    };
  }
  // A merged model numbers its experts like the export; a masked one keeps the original numbers.
  const keptIndex = isMergePlan(plan)
    ? plan.groups.map((groups) => new Map(groups.map((_, kept) => [kept, kept])))
    : moeLayers.map(({ moe: { experts, identities } }, layer) => {
        const all = Array.from({ length: experts + identities }, (_, row) => row);
        const kept = plan.constants === undefined ? (plan.kept[layer] ?? []) : all.slice(0, experts);
        return new Map([...kept, ...all.slice(experts)].map((row, index) => [row, index]));
      });
  return compareForward(
    original,
    theirs,
    keptIndex,
    sequences.map(({ length }) => length),
    LOGIT_TOLERANCE,
  );
};

const forward = async (
  checkpoint: Checkpoint,
  plan: Plan | null,
  sequences: readonly (readonly number[])[],
  settings: ExportSettings,
  progress: VerifyProgress,
  run: number,
): Promise<readonly ForwardResult[]> => {
  // Every block runs once, so keeping it open longer would only cost memory.
  const runner = await settings.openRunner(checkpoint, {
    provider: 'cpu',
    streamed: true,
    batchSlots: verificationSlots(checkpoint.descriptor.vocabulary),
    // Results of a plan may be stored by the hash of its model.
    isStored: plan !== null,
  });
  try {
    return await runner.forward(sequences, plan, {
      signal: progress.signal,
      onProgress: (done, total) => progress.ran(run, done / total),
    });
  } finally {
    await runner.dispose();
  }
};
