import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { expertAffinity } from '../../main/pruning/clustering/affinity.ts';
import { inertiaOf, kernelKMeans } from '../../main/pruning/clustering/kernel-k-means.ts';
import { spectralEmbedding } from '../../main/pruning/clustering/spectral-clustering.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { openModelRunner } from '../open-model-runner.ts';

// How far above the least inertia known the optimisers of k-means end, on the clusters of UNCURL: for each MoE layer of
// a model on a task at a factor, the inertia of 5 draws of 20 starts each over the least of 1,000 starts and all draws.
// Prints the lowest, mean and highest excess over layers and draws in %, and how many different partitions 5 draws give
// (mean over layers).
//
//   npx node tests/bench/inertia.ts MODEL TASK FACTOR[,FACTOR...] [MODEL TASK FACTORS ...]

const DRAWS = 5;
const STARTS = 20;
const MANY = 1000;
const resources = path.join(import.meta.dirname, '..', '..', 'resources');
const optimisers = ['lloyd', 'hartigan'] as const;

const measure = async (model: string, taskName: string, factors: readonly number[]): Promise<void> => {
  const checkpoint = await openCheckpoint(path.join(resources, 'models', model));
  // Profiles write none.
  const overlayFolder = path.join(os.tmpdir(), 'uncurl-bench-overlays');
  const runner = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: Infinity, overlayFolder });
  const { calibration } = await loadTask(path.join(resources, 'tasks', taskName));
  const profile = await runner.profile(calibration, { signal: new AbortController().signal });
  await runner.dispose();
  const { experts: n, layers } = profile;
  for (const factor of factors) {
    const k = n / factor;
    const found = optimisers.map((optimiser) => ({ optimiser, excesses: [] as number[], partitions: 0 }));
    for (let layer = 0; layer < layers; layer += 1) {
      const { vectors } = spectralEmbedding(expertAffinity('cosine', profile, layer), n, k, {
        diagonal: 'kept',
        embedding: 'degree',
      });
      const gram = Float64Array.from(vectors.mmul(vectors.transpose()).to1DArray());
      const inertia = (labels: Int32Array): number => inertiaOf(gram, n, k, labels);
      const draws = optimisers.map((optimiser) =>
        Array.from({ length: DRAWS }, (_, seed) =>
          kernelKMeans(gram, n, k, seededRandom(seed), { restarts: STARTS, optimiser }),
        ),
      );
      const long = kernelKMeans(gram, n, k, seededRandom(DRAWS), { restarts: MANY, optimiser: 'hartigan' });
      const least = Math.min(inertia(long), ...draws.flat().map(inertia));
      found.forEach((one, at) => {
        const own = draws[at] ?? [];
        one.excesses.push(...own.map((labels) => 100 * (inertia(labels) / least - 1)));
        one.partitions += new Set(own.map((labels) => labels.join())).size / layers;
      });
    }
    for (const { optimiser, excesses, partitions } of found) {
      const mean = excesses.reduce((sum, excess) => sum + excess, 0) / excesses.length;
      const cells = [Math.min(...excesses), mean, Math.max(...excesses)].map((excess) => `${excess.toFixed(1)} %`);
      console.log([model, taskName, `x${String(factor)}`, optimiser, ...cells, partitions.toFixed(1)].join('  '));
    }
  }
};

const words = process.argv.slice(2);
if (words.length === 0 || words.length % 3 !== 0) throw new Error('give MODEL TASK FACTORS, once or several times');
for (let at = 0; at < words.length; at += 3) {
  const [model = '', task = '', factors = ''] = words.slice(at, at + 3);
  await measure(model, task, factors.split(',').map(Number));
}
