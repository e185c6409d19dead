import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { Plan } from '../contract/plan.ts';
import { verifyExport } from '../export/verify-export.ts';
import type { ModelRunnerSettings } from '../inference/model-runner.ts';
import { writeVerification } from './export-job.ts';
import type { Job } from './job-context.ts';

export interface VerifyInput {
  readonly exported: string;
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly settings: ModelRunnerSettings;
}

/** Proves an export against its original and plan. A folder that is something else is a result, not a failure. */
export const verifyJob =
  ({ exported, checkpoint, plan, settings }: VerifyInput): Job =>
  async (context) => {
    const { meter, signal } = context;
    meter.describe(`Verifying ${exported}`);
    meter.setTotal(checkpoint.info.sizeBytes);
    meter.begin(checkpoint.info.sizeBytes);
    const verification = await verifyExport({
      exported,
      checkpoint,
      plan,
      settings,
      control: { signal, onProgress: (done, total) => meter.advance(done / total) },
    });
    await writeVerification(context, verification);
    meter.finish();
    const summary = verification.ok ? 'The export is what the plan makes of the original.' : `Not equal: ${verification.problems.join(' ')}`;
    return { output: exported, summary };
  };
