import type { TaskProfile } from '../../../main/contract/profile.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SweepDocument, SweepResult } from '../../../main/contract/sweep.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { sweepThresholds, thresholdRule } from '../../../main/evaluation/threshold.ts';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { choiceOutcome, textOutcome } from '../evaluation/outcomes.ts';

export const sampleManifest: RunManifest = {
  id: 'sweep-sample',
  kind: 'sweep',
  title: 'Sample <sweep> & "more"',
  createdAt: '2025-01-02T03:04:05.000Z',
  finishedAt: null,
  state: 'done',
  error: null,
  spec: {},
  models: [{ name: 'e16', path: '/models/e16', fingerprint: 'f' }],
  tasks: [],
  versions: {},
  device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'p' },
  commandLine: 'uncurl sweep e16',
  output: null,
};

/** Outcomes of a model that answers item i right unless a fixed draw for it exceeds `skill`. */
const outcomes = (metric: 'acc' | 'perplexity', n: number, skill: number, noise: number): ItemOutcome[] => {
  const draws = seededRandom(1);
  const jitter = seededRandom(noise);
  return Array.from({ length: n }, (_, i) => {
    const score = draws.float() + 0.1 * (jitter.float() - 0.5);
    return metric === 'acc'
      ? choiceOutcome(`q${i}`, score < skill)
      : textOutcome(`t${i}`, -40 * (2 + score - skill), 40);
  });
};

/** A sweep with real statistics over drawn outcomes: methods lose skill at different rates as factors grow. */
export const sampleSweep = (models: readonly string[] = ['e16'], delta = 0.02): SweepDocument => {
  const methods = [
    { method: 'random', seeds: [0, 1, 2], pace: 0.12 },
    { method: 'frequency', seeds: [null], pace: 0.06 },
    { method: 'reap', seeds: [null], pace: 0.02 },
    { method: 'uncurl', seeds: [null], pace: 0.03 },
  ];
  const tasks = [
    { task: 'sums', metric: 'acc' as const, n: 400, skill: 0.9 },
    { task: 'facts, "quoted" & <odd>', metric: 'acc' as const, n: 400, skill: 0.7 },
    { task: 'small', metric: 'acc' as const, n: 60, skill: 0.8 },
    { task: 'prose', metric: 'perplexity' as const, n: 50, skill: 0.9 },
  ];
  const results = models.flatMap((model) =>
    tasks.flatMap(({ task, metric, n, skill }) => {
      const unpruned = outcomes(metric, n, skill, 2);
      const subject = { model, task, seed: null, kept: 16, factor: 1 };
      return [
        { ...subject, method: 'unpruned', ...summarise(metric, unpruned, null) },
        ...methods.flatMap(({ method, seeds, pace }) =>
          seeds.flatMap((seed) =>
            [2, 4, 8].map((factor): SweepResult => {
              const loss = pace * (Math.log2(factor) - 0.8) * (1 + 0.3 * (seed ?? 0));
              const candidate = outcomes(metric, n, skill - loss, 2 + factor);
              return { ...subject, method, seed, factor, kept: 16 / factor, ...summarise(metric, unpruned, candidate) };
            }),
          ),
        ),
      ];
    }),
  );
  return { run: 'sweep-sample', results, thresholds: sweepThresholds(results, delta), rule: thresholdRule(delta) };
};

/** A profile with uneven experts, one of which no token chose. */
export const sampleProfile = (task: string, layers: number, experts: number): TaskProfile => {
  const random = seededRandom(task.length);
  const tokens = 1000;
  const matrix = (scale: number): number[][] =>
    Array.from({ length: layers }, () => Array.from({ length: experts }, () => scale * random.float() ** 3));
  const counts = matrix(900).map((row, layer) =>
    row.map((count, expert) => (layer === 1 && expert === 2 ? 0 : Math.ceil(count))),
  );
  const only = (sums: number[][]): number[][] =>
    sums.map((row, l) => row.map((sum, e) => (counts[l]?.[e] === 0 ? 0 : sum)));
  return {
    task,
    taskHash: 'h',
    items: 10,
    tokens,
    counts,
    gateMass: only(matrix(400)),
    reapSum: only(matrix(5000)),
    eanSum: only(matrix(9000)),
  };
};

/** The same sweep, whose unpruned model answers the sums no better than by guessing among four choices. */
export const sampleSweepAtChance = (): SweepDocument => {
  const document = sampleSweep();
  const chance = { accuracy: 0.25, p: 0.4 };
  return {
    ...document,
    results: document.results.map((one) => (one.task === 'sums' && one.factor === 1 ? { ...one, chance } : one)),
  };
};
