import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import {
  compressedTypes,
  type ExportFormat,
  exportFormat,
  ggufTypes,
  predictionChoices,
} from '../../contract/export.ts';
import { refuse } from '../../contract/errors.ts';
import { constantsOf, isMergePlan, type Plan } from '../../contract/plan.ts';
import { checkExport } from '../../export/check-export.ts';
import { exportPlan } from '../../export/export-plan.ts';
import { isStoredGguf, prunedImportance, writeStoredGguf } from '../../export/gguf/stored-gguf.ts';
import { produceFileAtomically } from '../../files/write-atomically.ts';
import { outFolder, readPlanFile } from '../files.ts';
import { exportSettings } from '../../jobs/export-job.ts';
import { withoutTorch } from '../../torch/open-torch-model.ts';
import { refereeWords, transformersWords } from '../../words/referee.ts';
import {
  COMPUTE_OPTIONS,
  madeBy,
  readEngineBeside,
  readReferee,
  readTorchChoice,
  REFEREE_OPTIONS,
} from '../engine-option.ts';
import { machineSettings } from '../machine-options.ts';
import { computeWith, withRunner } from '../open-runner.ts';
import { type OptionReader, repeatedOption, valueOption, type Verb, type VerbHost } from '../verb.ts';
import { HASH_LAYERS, requireTables } from '../plan-options.ts';
import { findModel, fitRunNamed, withReader, WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { printedBytes } from '../terminal-text.ts';
import { progressOf } from '../terminal.ts';
import { curveFacts } from '../../engine/calls/exports.ts';
import type { CardFacts } from '../../export/model-card.ts';
import { identify } from '../../jobs/source-gate.ts';
import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';

/**
 * What the sweeps of the workspace measured of a plan, for the model card, as the window's export says it; undefined
 * where there is no workspace. Hashes the model's files, if nothing did.
 */
const measuredFacts = async (
  reader: OptionReader,
  host: VerbHost,
  checkpoint: Checkpoint,
  plan: Plan,
): Promise<CardFacts | undefined> => {
  const folder = workspaceOf(reader, host);
  if (!(await isWorkspace(folder))) return undefined;
  const workspace = await openExistingWorkspace(folder);
  await identify(checkpoint, { signal: host.signal });
  return withReader(host, folder, (runs) => curveFacts({ workspace, reader: runs }, checkpoint, plan));
};

const FORMATS = ['hf', 'onnx', 'gguf'] as const;

/** The requested format: a single one, or hf and onnx together. */
const formatOf = (names: readonly (typeof FORMATS)[number][]): ExportFormat => {
  if (names.length === 0) return 'hf';
  if (names.includes('gguf') && names.some((name) => name !== 'gguf'))
    throw refuse('bad-usage', 'A GGUF file cannot be exported together with other formats.', 'Export twice.');
  return exportFormat.parse(FORMATS.filter((name) => names.includes(name)).join(','));
};

export const exportVerb: Verb = {
  name: 'export',
  usage:
    'MODEL --plan PLAN --out DIR [--format hf,onnx [--hf-type TYPE] | --format gguf [--gguf-type TYPE]] ' +
    '[--mtp CHOICE] [--imatrix FILE] [--workspace DIR] [--referee | --engine torch --referee N --task T...]',
  summary: 'Writes a smaller checkpoint and proves it equal to what was measured; of "fit-...", what it recommends.',
  positionals: [1, 1],
  options: {
    plan: valueOption('PLAN', 'Plan that `uncurl plan` wrote, or {"kept": [[...] per MoE layer]}.'),
    out: valueOption('DIR', 'Folder to make; it must not exist.'),
    format: repeatedOption(
      'NAME',
      'hf (default): a Hugging Face folder. onnx: one graph with its weights. ' +
        'hf,onnx: both in one folder, sharing the weights. gguf: one file for llama.cpp.',
    ),
    'gguf-type': valueOption(
      'TYPE',
      `Type of the weights of a GGUF file: ${ggufTypes.join(', ')} (default: as stored in the source).`,
    ),
    'hf-type': valueOption(
      'TYPE',
      `Quantises the matrices of a Hugging Face folder as compressed-tensors does: ${compressedTypes.join(', ')} ` +
        '(default: as stored).',
    ),
    imatrix: valueOption(
      'FILE',
      "llama.cpp's importance matrix of the unpruned model (GGUF): its experts are cut like the model's, into a new " +
        'file DIR.imatrix.gguf.',
    ),
    mtp: valueOption(
      'CHOICE',
      'Extra prediction layers of the source. drop (default): left out. slice: kept, with the experts whose ' +
        'numbers the plan keeps in the last MoE layer; theirs are not measured.',
    ),
    ...HASH_LAYERS,
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
    device: valueOption(
      'NAME',
      'With --engine torch: cpu or cuda:N. onnxruntime proves exports on the processor, in float32.',
    ),
    ...REFEREE_OPTIONS,
  },
  run: async (reader, host) => {
    if (fitRunNamed(reader.argument(0))) {
      // Loads the whole engine, which an export of a plan does without.
      const { exportFitted } = await import('../fit-run.ts');
      return exportFitted(reader, host);
    }
    const { signal, progress, endsWell, say } = host;
    const destination = outFolder(reader);
    const format = formatOf(reader.choices('format', FORMATS));
    const ggufType = reader.choice('gguf-type', ggufTypes);
    if (ggufType !== undefined && format !== 'gguf')
      throw refuse('bad-usage', '--gguf-type applies to GGUF files only.', 'Give --format gguf too.');
    const hfType = reader.choice('hf-type', compressedTypes);
    if (hfType !== undefined && format !== 'hf')
      throw refuse('bad-usage', '--hf-type applies to Hugging Face folders only.', 'Give --format hf, or neither.');
    const mtp = reader.choice('mtp', predictionChoices);
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const isTorch = readTorchChoice(reader) !== null;
    if (isTorch && reader.text('referee') === undefined)
      throw refuse(
        'bad-usage',
        'Exports are proven by onnxruntime; PyTorch answers items of tasks with them.',
        'Add --referee N --task T, or leave out --engine; `uncurl verify --engine torch` proves a folder in PyTorch.',
      );
    if (isTorch && (format !== 'hf' || hfType !== undefined))
      throw withoutTorch(`running ${hfType === undefined ? `an export as ${format}` : 'quantised weights'}`);
    const torch = await readEngineBeside(reader, host, 'proves exports');
    const referee = await readReferee(reader, host, torch, checkpoint);
    const planFile = reader.requiredText('plan');
    const plan = await readPlanFile(planFile, checkpoint.info);
    if (torch !== null && constantsOf(plan) !== undefined)
      throw withoutTorch('running experts that give constants, which transformers does not open');
    requireTables(reader, checkpoint, plan);
    const imatrix = reader.text('imatrix');
    const importance = imatrix === undefined ? null : await prunedImportance(checkpoint, plan, path.resolve(imatrix));
    const importanceFile = `${destination}.imatrix.gguf`;
    if (importance !== null) {
      if (existsSync(importanceFile))
        throw refuse('destination-exists', `${importanceFile} exists.`, 'Choose another --out, or remove it.');
      say(`Importance matrix: ${importance.note}`);
    }
    const { refusal, notes } = await checkExport(checkpoint, plan, format, mtp, hfType, ggufType);
    if (refusal === null) notes.forEach(say);
    const control = { signal, onProgress: progressOf(progress, 'exporting and verifying') };
    const isAsStored = isStoredGguf(checkpoint);
    // Whatever PyTorch lacks is said before anything is written.
    if (torch !== null)
      await withRunner(checkpoint, reader, host, { open: torch.open, compute: () => Promise.resolve() });
    const { folder, verification, sizeBytes, warnings } = await endsWell(
      computeWith(checkpoint, reader, host, {
        provider: 'cpu',
        plan: { file: planFile, plan },
        compute: async (computing) => {
          const settings = exportSettings(computing, machineSettings(reader));
          return exportPlan({
            checkpoint,
            plan,
            destination,
            format,
            ggufType,
            hfType,
            mtp,
            card: await measuredFacts(reader, host, checkpoint, plan),
            referee: referee ?? undefined,
            settings,
            control,
          });
        },
      }),
    );
    if (importance !== null)
      await produceFileAtomically(importanceFile, async (file) => {
        await writeStoredGguf(importance.stored, file, () => undefined);
      });
    const equality = (): string => {
      if (format === 'gguf' && !isAsStored)
        return (
          'metadata and tensors of the reopened file are byte for byte what the plan makes of the source. ' +
          'It was not run: llama.cpp is not part of the workbench.'
        );
      if (hfType !== undefined)
        return (
          'config and tensors of the reopened folder are byte for byte what the plan makes of the source, ' +
          `quantised as ${hfType}. It was not run.`
        );
      const difference = verification.maxLogitDifference.toExponential(1);
      return (
        `${isAsStored ? 'every kept expert has the bytes of the source, and ' : ''}on ${verification.tokens} ` +
        `tokens its logits differ by at most ${difference} from the ${isMergePlan(plan) ? 'merged' : 'masked'} ` +
        'original.'
      );
    };
    const made = madeBy(torch);
    const { referee: found, transformers } = verification;
    return {
      document: {
        folder,
        format,
        hfType,
        sizeBytes,
        verification,
        warnings,
        importanceMatrix: importance === null ? undefined : { file: importanceFile, note: importance.note },
        ...made.document,
      },
      text: [
        `Exported to ${folder} (${printedBytes(sizeBytes)}); ${equality()}`,
        ...(importance === null ? [] : [`Its importance matrix is ${importanceFile}; ${importance.note}`]),
        ...(transformers === undefined ? [] : [`Referee: ${transformersWords(transformers)}`]),
        ...(found === undefined ? [] : [`${refereeWords(found, 'the export')}${made.text}`]),
        ...warnings,
      ].join('\n'),
    };
  },
};
