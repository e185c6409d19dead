import { writeFile } from 'node:fs/promises';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { Plan } from '../contract/plan.ts';
import { exportPlan, type ExportRequest, type RefereeFindings } from '../export/export-plan.ts';
import type { ExportControl, ExportMachine, ExportSettings } from '../export/export-progress.ts';
import type { CardFacts } from '../export/model-card.ts';
import { notRunFromWeights } from '../export/verify-export.ts';
import { verifyFinished } from '../export/verify-finished.ts';
import { type Job, type JobContext, jobOn, writeResult } from './job-context.ts';
import type { Computing } from './source-gate.ts';

/** Name of the verification in the run folder of an export or a verification. */
export const VERIFICATION_FILE = 'verification.json';

/** The settings of an export that reads and runs models through the gate. */
export const exportSettings = ({ steps, runners }: Computing, machine: ExportMachine): ExportSettings => ({
  ...machine,
  overlays: steps.overlays,
  openRunner: runners.openAlone,
});

export const writeVerification = async (context: JobContext, verification: unknown): Promise<void> => {
  await writeResult(context, VERIFICATION_FILE, (file) =>
    writeFile(file, `${JSON.stringify(verification, null, 2)}\n`),
  );
};

export interface ExportInput extends Omit<ExportRequest, 'settings' | 'card' | 'referee' | 'control'> {
  /** Whether transformers is asked about the folder; default: no. */
  readonly referee?: boolean | undefined;
  readonly machine: ExportMachine;
  /** Finds the measured figures of the plan, for the model card, once the model is hashed. */
  readonly card: () => Promise<CardFacts>;
}

/** Compares the folder of an export with transformers, as far as transformers runs it from its weights. */
const comparedExport =
  ({ compareWithTransformers, runners, meter, signal }: JobContext, source: Checkpoint) =>
  async (folder: string): Promise<RefereeFindings> => {
    const obstacle = await notRunFromWeights(folder, source);
    if (obstacle !== null) return { transformers: { word: 'not compared', why: `it is not asked about ${obstacle}.` } };
    if (compareWithTransformers === undefined) throw new Error('an export that is not made on the processor');
    const exported = await openCheckpoint(folder);
    meter.describe(`Comparing the export of ${source.name} with transformers`);
    await exported.content.identify({ signal });
    try {
      return { transformers: await compareWithTransformers(exported) };
    } finally {
      await runners.close(exported);
    }
  };

/** Begins work on all bytes of a model, whose progress the meter shows. */
const beginWhole = ({ meter, signal }: JobContext, { info }: Checkpoint, description: string): ExportControl => {
  meter.describe(description);
  meter.setTotal(info.sizeBytes);
  meter.begin(info.sizeBytes);
  return { signal, onProgress: (done, total) => meter.advance(done / total) };
};

/** Exports a smaller checkpoint and verifies it. A folder that does not match the plan is deleted. */
export const exportJob = ({ checkpoint, machine, card, referee, ...order }: ExportInput): Job =>
  jobOn([checkpoint], async (context) => {
    const { meter } = context;
    const control = beginWhole(context, checkpoint, `Exporting ${checkpoint.name}`);
    const { folder, verification, warnings } = await exportPlan({
      checkpoint,
      ...order,
      card: await card(),
      referee: referee === true ? comparedExport(context, checkpoint) : undefined,
      settings: exportSettings(context, machine),
      control,
    });
    await writeVerification(context, verification);
    meter.finish();
    const isCompared = order.format === 'gguf' || order.hfType !== undefined;
    const proof = isCompared ? 'compared byte by byte' : `verified on ${verification.tokens} tokens`;
    return {
      output: folder,
      summary: [`Exported to ${folder} and ${proof}.`, ...warnings].join(' '),
    };
  });

export interface VerifyInput {
  readonly exported: string;
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly machine: ExportMachine;
}

/** Compares an export with its original and plan. A difference is a result, not a failure. */
export const verifyJob = ({ exported, checkpoint, plan, machine }: VerifyInput): Job =>
  jobOn([checkpoint], async (context) => {
    const control = beginWhole(context, checkpoint, `Verifying ${exported}`);
    const settings = exportSettings(context, machine);
    const verification = await verifyFinished({ exported, checkpoint, plan, settings, control });
    await writeVerification(context, verification);
    context.meter.finish();
    const summary = verification.ok
      ? 'The export is what the plan makes of the original.'
      : `Not equal: ${verification.problems.join(' ')}`;
    return { output: exported, summary };
  });
