import { join } from 'node:path';
import { mkdir, rm } from 'node:fs/promises';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import type { PointCost } from '../contract/sweep.ts';
import { exportPlan } from '../export/export-plan.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import { bytesPerColumn } from '../inference/decoding/carried-cache.ts';
import { carriedParts } from '../graph/carried.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { seededRandom } from '../statistics/random.ts';
import { exportSettings } from './export-job.ts';
import type { JobContext } from './job-context.ts';
import { planContent, stepKey } from './step.ts';

/** Bytes of one token's keys and values in float32, the cache format of this workbench. */
const cacheBytesPerToken = ({ descriptor }: Checkpoint): number => bytesPerColumn(descriptor.blocks.map(carriedParts));

/** Costs of an unpruned model, from its folder. */
export const folderCost = (checkpoint: Checkpoint): PointCost => ({
  bytes: checkpoint.info.sizeBytes,
  activeParameters: checkpoint.info.parameters.active,
  cacheBytesPerToken: cacheBytesPerToken(checkpoint),
});

/** Costs of a pruned model, from its plan. */
export const planPointCost = (checkpoint: Checkpoint, plan: Plan): PointCost => {
  const { sizeBytes, parameters } = planCost(checkpoint.info, plan);
  return {
    bytes: sizeBytes,
    activeParameters: parameters.active,
    cacheBytesPerToken: cacheBytesPerToken(checkpoint),
  };
};

/** Tokens per second of one sequence. */
export interface Speed {
  readonly promptTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** Tokens of the prompt, tokens written after it, and number of rounds, of which the median counts. */
const PROMPT = 128;
const WRITTEN = 32;
const ROUNDS = 3;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/**
 * Prompt and decode tokens per second of one sequence on the runner's device: a random prompt of 128 tokens and 32
 * tokens after it (fewer where the model has fewer positions), the median of three rounds after a warm-up. `clock`
 * gives milliseconds.
 */
export const measureSpeed = async (runner: ModelRunner, signal: AbortSignal, clock: () => number): Promise<Speed> => {
  const { vocabulary, maxPositions } = runner.checkpoint.descriptor;
  const written = Math.max(2, Math.min(WRITTEN, Math.floor(maxPositions / 4)));
  const random = seededRandom(1);
  const tokens = Array.from({ length: Math.max(1, Math.min(PROMPT, maxPositions - written)) }, () =>
    random.integer(vocabulary),
  );
  const rounds: Speed[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    if (signal.aborted) throw new CancelledError('The timing');
    const start = clock();
    let [first, last] = [start, start];
    const isDone = (done: readonly number[]): boolean => {
      last = clock();
      if (done.length === 1) first = last;
      return false;
    };
    const row = { tokens, candidate: 'timed', mostNewTokens: written, isDone };
    for await (const _ of runner.decode([row], [{ key: 'timed', plan: null }], { signal }));
    if (round > 0)
      rounds.push({
        promptTokensPerSecond: (1000 * tokens.length) / (first - start),
        decodeTokensPerSecond: (1000 * (written - 1)) / (last - first),
      });
  }
  return {
    promptTokensPerSecond: median(rounds.map((each) => each.promptTokensPerSecond)),
    decodeTokensPerSecond: median(rounds.map((each) => each.decodeTokensPerSecond)),
  };
};

/**
 * Speeds of the models of a sweep, each measured once. A pruned model is exported to a temporary folder first: under a
 * mask it would run with the weights of all experts. Null where no export can represent the plan.
 */
export class SpeedMeter {
  readonly #context: JobContext;
  readonly #clock: () => number;
  readonly #known = new Map<string, Speed | null>();

  constructor(context: JobContext, clock: () => number) {
    this.#context = context;
    this.#clock = clock;
  }

  async of(checkpoint: Checkpoint, plan: Plan | null): Promise<Speed | null> {
    const key = stepKey({ model: checkpoint.identity, plan: planContent(plan, checkpoint.info.experts) });
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#context.meter.describe(`Timing ${checkpoint.name}`);
    const speed = plan === null ? await this.#timed(checkpoint) : await this.#ofPlan(checkpoint, plan);
    this.#known.set(key, speed);
    return speed;
  }

  async #timed(checkpoint: Checkpoint): Promise<Speed> {
    return measureSpeed(await this.#context.runners.open(checkpoint), this.#context.signal, this.#clock);
  }

  async #ofPlan(checkpoint: Checkpoint, plan: Plan): Promise<Speed | null> {
    const { info } = checkpoint;
    const { exportable, keptPerLayer } = planCost(info, plan);
    if (!exportable.hf) return null;
    if (keptPerLayer.every((kept) => kept === info.experts)) return this.of(checkpoint, null);
    const { temporaryFolder, memoryBudgetBytes, signal } = this.#context;
    const folder = temporaryNameFor(join(temporaryFolder, 'timed'));
    try {
      await mkdir(folder);
      const settings = exportSettings(this.#context, { threads: 1, memoryBudgetBytes });
      const destination = join(folder, 'model');
      await exportPlan({ checkpoint, plan, destination, settings, control: { signal } });
      const timed = await openCheckpoint(destination);
      try {
        return await this.#timed(timed);
      } finally {
        await this.#context.runners.close(timed);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
