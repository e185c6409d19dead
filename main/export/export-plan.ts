import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Checkpoint, openCheckpoint, requireSameSources } from '../checkpoint/open-checkpoint.ts';
import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import {
  type CompressedType,
  type ExportFormat,
  type GgufType,
  PLAN_FILE,
  type PredictionChoice,
  type Verification,
} from '../contract/export.ts';
import type { ModelInfo } from '../contract/model.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { CHECKSUM_FILE, checksumList, fileChecksum } from '../files/checksums.ts';
import { folderBytes, freeBytes } from '../files/path-signature.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { gatesSentence } from '../pruning/gates.ts';
import { besideNotes, planInForm } from './check-export.ts';
import { type CompressedFolder, compressedFolder } from './compressed-folder.ts';
import { exportedConfig, keptExperts } from './export-config.ts';
import {
  CARD_FILE,
  copySideFiles,
  publishFolder,
  removeAbandonedExports,
  removeUnfinished,
  requireAbsent,
  requireParent,
  unfinishedName,
} from './export-folder.ts';
import { type ExportControl, type ExportSettings, verificationBytes, weightBytes } from './export-progress.ts';
import { type ExportedTensor, exportedTensors } from './exported-tensors.ts';
import { GGUF_FILE, type GgufPlan, planGguf, storedType, writeGguf } from './gguf/gguf-file.ts';
import { isStoredGguf, planStoredGguf, type StoredGguf, writeStoredGguf } from './gguf/stored-gguf.ts';
import { type CardFacts, modelCard } from './model-card.ts';
import { ONNX_DATA_FILE, ONNX_FILE, onnxData, writeOnnxData, writeOnnxGraph } from './onnx-files.ts';
import { planFileText } from './prepare-plan.ts';
import { verifyExport } from './verify-export.ts';
import { writeFlushed, writeWeights } from './write-weights.ts';

/**
 * Number of experts in one graph above which opening it takes long: the memory planner of onnxruntime up to 1.31 takes
 * quadratic time in it (measured with 1.30: 1 s for 256, 20 s for 1024); that of 1.32 does not.
 */
const MANY_EXPERTS = 1024;

const UNTRAINED =
  'The router of the merged experts is new and random: the export is a starting point for fine-tuning, and ' +
  'useless before it.';

/** Warnings for users of an export, one sentence each. */
export const exportWarnings = (
  { moeLayers, pruningNote, gatesGrow }: Pick<ModelInfo, 'moeLayers' | 'pruningNote' | 'gatesGrow'>,
  plan: Plan,
  format: ExportFormat,
): readonly string[] => {
  const experts = moeLayers * keptExperts(plan);
  const always = [
    ...(pruningNote === undefined ? [] : [pruningNote]),
    ...[gatesSentence({ gatesGrow }, plan)].flatMap((sentence) => sentence ?? []),
    ...(isMergePlan(plan) && plan.router === 'reinitialised' && plan.recovery?.router === undefined ? [UNTRAINED] : []),
  ];
  if (format === 'hf' || format === 'gguf' || experts < MANY_EXPERTS) return always;
  return [
    ...always,
    `The graph contains ${experts.toLocaleString('en-US')} experts (${moeLayers} MoE layers x ` +
      `${keptExperts(plan)}): opening it with onnxruntime up to 1.31 takes time proportional to the square ` +
      'of that, about 20 s for 1,024; use 1.32 or later.',
  ];
};

/** What other engines say of an export. */
export type RefereeFindings = Pick<Verification, 'referee' | 'transformers'>;

export interface ExportRequest {
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  /** Folder to create; its parent must exist. */
  readonly destination: string;
  readonly settings: ExportSettings;
  /** Facts for the model card beside the plan. */
  readonly card?: CardFacts | undefined;
  /** `hf` by default. */
  readonly format?: ExportFormat;
  /** Type of a GGUF file's weights; default: the stored type. */
  readonly ggufType?: GgufType | undefined;
  /** Type as which a Hugging Face folder is quantised; default: the stored type. */
  readonly hfType?: CompressedType | undefined;
  /** Treatment of extra prediction layers; `drop` by default. */
  readonly mtp?: PredictionChoice | undefined;
  /** Asks other engines about the folder once it is proven; their findings go into the model card. */
  readonly referee?: ((folder: string) => Promise<RefereeFindings>) | undefined;
  readonly control: ExportControl;
}

export interface ExportResult {
  readonly folder: string;
  readonly verification: Verification;
  /** Size of all files in the folder. */
  readonly sizeBytes: number;
  /** Warnings for users of the export, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Writes the pruned checkpoint as a Hugging Face folder with the source's tensor names and shards, as an ONNX graph
 * with its weights, as both, or as a GGUF file. Proves it equal to the masked (or overlaid) original, and only then
 * gives it its name. A folder whose weights are quantised is compared byte by byte. Refuses as GGUF, before writing,
 * models that llama.cpp would compute differently. Never overwrites anything and leaves nothing behind on failure. A
 * GGUF file is exported as stored, with the bytes of every kept expert.
 *
 * @throws WorkbenchError refused: `plan-invalid`, `plan-other-model`, `not-exportable`, `changes-nothing`,
 * `not-for-llama-cpp`, `tokenizer-not-for-llama-cpp`, `gguf-as-stored`, `mtp-not-sliced`, `weights-not-quantised`,
 * `destination-exists`,
 * `no-folder`, `disk-full`, `not-writable`; failed: `export-unequal`, `model-changed`.
 */
export const exportPlan = async (request: ExportRequest): Promise<ExportResult> => {
  const { checkpoint, settings, control, mtp = 'drop' } = request;
  const { format = 'hf', ggufType, hfType } = request;
  const plan = await planInForm(checkpoint, request.plan, [format, mtp, hfType, ggufType]);
  const destination = path.resolve(request.destination);
  await requireAbsent(destination);
  await requireParent(destination);
  const abandoned = await removeAbandonedExports(destination);
  const parent = path.dirname(destination);
  const unfinished = unfinishedName(destination);
  let bytes = checkpoint.info.sizeBytes;
  try {
    const sliced = await exportedTensors(checkpoint, plan, settings.overlays, mtp);
    const quantised = hfType === undefined ? null : await compressedFolder(checkpoint, plan, sliced, hfType);
    const tensors = quantised?.tensors ?? sliced;
    const stored = isStoredGguf(checkpoint) ? await planStoredGguf(checkpoint, tensors, keptExperts(plan)) : null;
    const gguf =
      format === 'gguf' && stored === null
        ? await planGguf(checkpoint, plan, tensors, ggufType ?? storedType(checkpoint))
        : null;
    bytes = (stored ?? gguf)?.sizeBytes ?? weightBytes(tensors);
    await requireSpace(parent, bytes);
    await mkdir(unfinished);
    const { verification, leftOut } = await fill(request, plan, tensors, { gguf, stored, quantised }, unfinished);
    const sizeBytes = await folderBytes(unfinished);
    if (control.signal.aborted) throw new CancelledError('The export');
    await requireSameSources(checkpoint, {
      made: 'exported',
      left: 'The export was removed.',
      remedy: 'Export again once nothing writes to the model.',
    });
    await publishFolder(unfinished, destination);
    return {
      folder: destination,
      verification,
      sizeBytes,
      warnings: [
        ...exportWarnings(checkpoint.info, plan, format),
        ...((gguf ?? quantised)?.warnings ?? []),
        ...besideNotes(checkpoint, plan, mtp),
        ...leftOut.map((name) => `${name} was not copied: it is a link out of the model's folder.`),
        ...(abandoned.length === 0 ? [] : [`Removed the remains of a killed export: ${abandoned.join(', ')}.`]),
      ],
    };
  } catch (error) {
    await removeUnfinished(unfinished);
    throw control.signal.aborted ? new CancelledError('The export') : explained(error, destination, bytes);
  }
};

/** Writes an export into a folder that does not have its final name yet, and returns its verification. */
const fill = async (
  request: ExportRequest,
  plan: Plan,
  tensors: readonly ExportedTensor[],
  {
    gguf,
    stored,
    quantised,
  }: {
    readonly gguf: GgufPlan | null;
    readonly stored: StoredGguf | null;
    readonly quantised: CompressedFolder | null;
  },
  folder: string,
): Promise<{ readonly verification: Verification; readonly leftOut: readonly string[] }> => {
  const { checkpoint, settings, control, format = 'hf', mtp = 'drop' } = request;
  const forms = format === 'hf,onnx' ? 2 : 1;
  const toWrite = (stored ?? gguf)?.sizeBytes ?? weightBytes(tensors);
  const total = toWrite + (gguf?.sizeBytes ?? verificationBytes(tensors, forms));
  const checksums = new Map<string, string>();
  const write = async (name: string, text: string): Promise<void> => {
    checksums.set(name, await writeFlushed(path.join(folder, name), text));
  };
  let written = 0;
  const onBytes = (bytes: number): void => {
    if (control.signal.aborted) throw new CancelledError('The export');
    written += bytes;
    control.onProgress?.(Math.min(written, toWrite), total);
  };
  const writeGraph = async (config: string): Promise<void> => {
    const views = format === 'onnx' ? onnxData(tensors, folder).views : (await openCheckpoint(folder)).tensors;
    checksums.set(ONNX_FILE, await writeOnnxGraph(checkpoint, plan, config, views, folder));
  };
  if (stored !== null) checksums.set(GGUF_FILE, await writeStoredGguf(stored, path.join(folder, GGUF_FILE), onBytes));
  else if (gguf !== null) checksums.set(GGUF_FILE, await writeGguf(gguf, folder, onBytes));
  else if (format === 'onnx') checksums.set(ONNX_DATA_FILE, await writeOnnxData(tensors, folder, onBytes));
  else
    for (const [name, checksum] of await writeWeights(checkpoint, tensors, folder, onBytes))
      checksums.set(name, checksum);
  if (stored === null) {
    const config = quantised?.config ?? (await exportedConfig(checkpoint, plan, mtp));
    await write('config.json', config);
    if (format === 'onnx' || format === 'hf,onnx') await writeGraph(config);
  }
  await write(PLAN_FILE, planFileText(checkpoint, plan));
  const { copied: sideFiles, leftOut } = await copySideFiles(checkpoint.folder, folder);
  for (const name of sideFiles) checksums.set(name, await fileChecksum(path.join(folder, name), control.signal));

  const proof = await verifyExport({
    exported: folder,
    checkpoint,
    plan,
    settings,
    control: { signal: control.signal, onProgress: (done) => control.onProgress?.(toWrite + done, total) },
  });
  if (!proof.ok) {
    throw new WorkbenchError(
      'export-unequal',
      'failed',
      `The export of ${checkpoint.name} differs from the measured model, so it was removed: ` +
        proof.problems.join(' '),
      'Check the disk and try again; if it happens again, report it with this message.',
    );
  }
  const verification = request.referee === undefined ? proof : { ...proof, ...(await request.referee(folder)) };
  const card = modelCard({
    name: path.basename(request.destination),
    checkpoint,
    plan,
    verification,
    format,
    mtp,
    warnings: [...exportWarnings(checkpoint.info, plan, format), ...((gguf ?? quantised)?.warnings ?? [])],
    weights: stored === null ? (gguf?.type ?? request.hfType ?? null) : 'stored',
    hasTokenizer: sideFiles.includes('tokenizer.json'),
    licence: stored === null ? await licenceLines(checkpoint.folder) : [],
    facts: request.card ?? null,
  });
  await write(CARD_FILE, card);
  await writeFlushed(path.join(folder, CHECKSUM_FILE), checksumList(checksums));
  return { verification, leftOut };
};

/** Model cards are texts of a few pages. */
export const MAX_CARD_BYTES = 16 * 2 ** 20;

/** The lines of a source's model card that name its licence, which applies to the pruned model too. */
export const licenceLines = async (folder: string): Promise<readonly string[]> => {
  const text = await readTextIfThere(path.join(folder, CARD_FILE), { mostBytes: MAX_CARD_BYTES });
  const [, header] = /^---\r?\n([^]*?)\r?\n---/.exec(text ?? '') ?? [];
  return (header ?? '').split(/\r?\n/).filter((line) => /^license(?:_name|_link)?: *\S/.test(line));
};

const requireSpace = async (parent: string, bytes: number): Promise<void> => {
  const free = await freeBytes(parent);
  if (free !== null && free < bytes) throw diskFull(parent, bytes);
};

const diskFull = (folder: string, bytes: number, cause?: unknown): Error =>
  refuse(
    'disk-full',
    `There is too little space for the export in ${folder}: it needs ${String(Math.ceil(bytes / 1e6))} MB. ` +
      `Nothing was left behind.`,
    'Free some space, or export to another disk.',
    cause,
  );

const explained = (error: unknown, destination: string, bytes: number): unknown =>
  ['ENOSPC', 'EDQUOT'].includes(fileErrorCode(error) ?? '')
    ? diskFull(path.dirname(destination), bytes, error)
    : explainFileError(error, destination);
