import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { RoundedType } from '../contract/export.ts';
import type { Plan } from '../contract/plan.ts';
import type { PointCost } from '../contract/sweep.ts';
import { isMaskable, roundedBytes, wholePlan, writeRounded } from '../export/rounded-folder.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import type { Candidate } from '../inference/model-runner.ts';
import type { JobContext } from './job-context.ts';

/** The checkpoint that runs in place of candidates, and each candidate with the plan under which it runs there. */
export interface Running {
  readonly checkpoint: Checkpoint;
  readonly candidates: readonly Candidate[];
}

/** A model whose weights are rounded as a file of a type stores them. */
export interface RoundedModel {
  readonly type: RoundedType;
  readonly name: string;
  /** How many of the first plans one folder can run: plans that drop experts share the unpruned model under masks. */
  together(plans: readonly { readonly plan: Plan | null }[]): number;
  running(candidates: readonly Candidate[]): Promise<Running>;
  cost(plan: Plan): Promise<Pick<PointCost, 'bytes'>>;
}

const sharesWeights = ({ plan }: { readonly plan: Plan | null }): boolean => plan === null || isMaskable(plan);

/**
 * The rounded models of a sweep, each in a temporary folder; one exists at a time. Plans that merge or refit experts
 * change weights before they are rounded, so each of them has its own.
 */
export class RoundedModels {
  readonly #context: JobContext;
  #open: { readonly key: string; readonly folder: string; readonly checkpoint: Checkpoint } | null = null;

  constructor(context: JobContext) {
    this.#context = context;
  }

  of(checkpoint: Checkpoint, type: RoundedType): RoundedModel {
    return {
      type,
      name: `${checkpoint.name}@${type}`,
      together: (plans) => {
        const separate = plans.findIndex((plan) => !sharesWeights(plan));
        return separate === -1 ? plans.length : Math.max(1, separate);
      },
      running: async (candidates) => {
        const [first] = candidates;
        if (first === undefined || candidates.every(sharesWeights))
          return { checkpoint: await this.#opened(checkpoint, null, type), candidates };
        if (candidates.length > 1) throw new Error('plans with rounded weights of their own run one by one');
        const opened = await this.#opened(checkpoint, first.plan, type);
        return { checkpoint: opened, candidates: [{ key: first.key, plan: null }] };
      },
      cost: async (plan) => ({
        bytes: await roundedBytes(checkpoint, plan, type, this.#context.steps.overlays),
      }),
    };
  }

  /** The rounded model of a plan; null: of all experts. */
  async #opened(checkpoint: Checkpoint, plan: Plan | null, type: RoundedType): Promise<Checkpoint> {
    const key = canonicalJson({ model: checkpoint.identity, plan, type });
    if (this.#open?.key === key) return this.#open.checkpoint;
    await this.close();
    const { meter, temporaryFolder, signal, steps } = this.#context;
    meter.describe(`Rounding ${checkpoint.name} as ${type}`);
    const folder = temporaryNameFor(join(temporaryFolder, 'rounded'));
    const destination = join(folder, `${checkpoint.name.replaceAll('/', '--')}@${type}`);
    try {
      await mkdir(folder);
      const order = { checkpoint, plan: plan ?? wholePlan(checkpoint), type, overlays: steps.overlays, signal };
      const rounded = await openCheckpoint(await writeRounded(order, destination));
      this.#open = { key, folder, checkpoint: rounded };
      return rounded;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Closes and deletes the rounded model, if there is one. */
  async close(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    try {
      await this.#context.runners.close(open.checkpoint);
    } finally {
      await rm(open.folder, { recursive: true, force: true });
    }
  }
}
