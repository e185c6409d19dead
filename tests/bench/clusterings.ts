import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Matrix } from 'ml-matrix';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { type KMeansOptimiser, type MergePlan, uncurlOptions } from '../../main/contract/plan.ts';
import { summarise } from '../../main/evaluation/summarise.ts';
import { openModelRunner } from '../open-model-runner.ts';
import type { Candidate } from '../../main/inference/model-runner.ts';
import { answerItems } from '../../main/jobs/write-items.ts';
import type { RoutingStatistics } from '../../main/profile/routing-statistics.ts';
import { expertAffinity } from '../../main/pruning/clustering/affinity.ts';
import { byFirstAppearance, fillEmptyClusters, membersOf } from '../../main/pruning/clustering/cluster-labels.ts';
import { clusterQr, spectralEmbedding } from '../../main/pruning/clustering/spectral-clustering.ts';
import { groupExperts } from '../../main/pruning/clustering/group-experts.ts';
import { inertiaOf, kernelKMeans } from '../../main/pruning/clustering/kernel-k-means.ts';
import { cutLinkage, linkage } from '../../main/pruning/clustering/linkage.ts';
import { layerRow } from '../../main/pruning/weighed-profiles.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { loadTask } from '../../main/tasks/load-task.ts';

/**
 * Which properties separate good from bad draws of UNCURL's clusters, and whether another clustering is more stable.
 *
 * Method: for every model, task and factor given, UNCURL as in the sample (cosine affinity, diagonal kept,
 * reference-row router, no training; profile of the task's calibration items), clustered by each of the variants below:
 * with its number of seeds from 0 on if it depends on chance, else once. Every distinct plan answers the first
 * `--items` test items (default: all). Each draw adds a line of JSON to the file: the inertia of its clusters divided
 * by that of one cluster per layer, in the embedding that the published variant clusters (degree), averaged over
 * layers; the spectral gap (eigenvalue k + 1 minus eigenvalue k of the Laplacian, mean over layers); the labels; the
 * difference of accuracy to the unpruned model. Draws already in the file are not measured again. `--report` measures
 * nothing and prints the summary: per variant, the mean loss, its spread over draws (standard deviation and range
 * within a cell, averaged over cells), and the adjusted Rand index between draws; per variant with draws, Spearman's
 * rank correlation of inertia and loss within cells, averaged over them, with a 95 % bootstrap interval over cells.
 *
 * Usage: npx node tests/bench/clusterings.ts FILE --models uncurl-16,uncurl-32 --tasks add,german --factors 2,4
 *        [--items N] | --report
 */

const SEEDS = 10;
const GROUP = 8;
const root = path.join(import.meta.dirname, '..', '..');
const control = { signal: new AbortController().signal };

/** Graph of one layer, the input of a variant. */
interface Graph {
  readonly affinity: Float64Array;
  readonly n: number;
  readonly k: number;
}

interface Variant {
  readonly name: string;
  readonly draws: number;
  readonly labels: (graph: Graph, seed: number) => Int32Array;
}

type Embedding = 'degree' | 'unit-rows' | 'plain';

const embed = ({ affinity, n, k }: Graph, embedding: Embedding) =>
  spectralEmbedding(affinity, n, k, { diagonal: 'kept', embedding });
const gramOf = (vectors: Matrix): Float64Array => Float64Array.from(vectors.mmul(vectors.transpose()).to1DArray());

const kMeans = (
  embedding: Embedding,
  starts: number,
  draws = SEEDS,
  optimiser: KMeansOptimiser = 'lloyd',
): Variant => ({
  name: `k-means ${embedding}, ${String(starts)} starts${optimiser === 'lloyd' ? '' : `, ${optimiser}`}`,
  draws,
  labels: (graph, seed) => {
    const { vectors } = embed(graph, embedding);
    return kernelKMeans(gramOf(vectors), graph.n, graph.k, seededRandom(seed), { restarts: starts, optimiser });
  },
});

const qr = (embedding: Embedding): Variant => ({
  name: `cluster-QR ${embedding}`,
  draws: 1,
  labels: (graph) => byFirstAppearance(clusterQr(embed(graph, embedding).vectors)),
});

/** Ward's linkage of the rows: the joins that increase the inertia least. */
const ward: Variant = {
  name: 'Ward',
  draws: 1,
  labels: (graph) => {
    const { n, k } = graph;
    const gram = gramOf(embed(graph, 'degree').vectors);
    const distances = gram.map((product, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return Math.sqrt(Math.max(0, (gram[i * n + i] ?? 0) + (gram[j * n + j] ?? 0) - 2 * product));
    });
    return cutLinkage(linkage(distances, n, 'ward'), n, k);
  },
};

const CONSENSUS_DRAWS = 100;
/** Average linkage of how often two experts are separated in 100 single starts (Fred and Jain 2005). */
const consensus: Variant = {
  name: 'consensus of 100 starts',
  draws: 3,
  labels: (graph, seed) => {
    const { n, k } = graph;
    const gram = gramOf(embed(graph, 'degree').vectors);
    const random = seededRandom(seed);
    const apart = new Float64Array(n * n);
    for (let draw = 0; draw < CONSENSUS_DRAWS; draw += 1) {
      const labels = kernelKMeans(gram, n, k, random, { restarts: 1, optimiser: 'lloyd' });
      for (let i = 0; i < n; i += 1)
        for (let j = 0; j < n; j += 1) if (labels[i] !== labels[j]) apart[i * n + j] = (apart[i * n + j] ?? 0) + 1;
    }
    return cutLinkage(linkage(apart, n, 'average'), n, k);
  },
};

const variants: readonly Variant[] = [
  kMeans('degree', 1),
  kMeans('degree', 20),
  kMeans('degree', 20, 5, 'hartigan'),
  kMeans('degree', 200, 5),
  kMeans('degree', 2000, 2),
  kMeans('unit-rows', 20, 5),
  kMeans('unit-rows', 200, 3),
  kMeans('plain', 20, 5),
  qr('degree'),
  qr('unit-rows'),
  ward,
  consensus,
];

const drawn = z.object({
  model: z.string(),
  task: z.string(),
  factor: z.number(),
  items: z.number(),
  variant: z.string(),
  seed: z.number(),
  inertia: z.number(),
  gap: z.number(),
  labels: z.array(z.array(z.number())),
  difference: z.number(),
});
type Drawn = z.infer<typeof drawn>;

const [file, ...words] = process.argv.slice(2);
if (file === undefined) throw new Error('name a file for the measurements');
const optionOf = (name: string): string | undefined => {
  const at = words.indexOf(`--${name}`);
  return at === -1 ? undefined : words[at + 1];
};
const listOf = (name: string): readonly string[] => optionOf(name)?.split(',') ?? [];

const readAll = (): readonly Drawn[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => drawn.parse(JSON.parse(line)))
    : [];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const cellOf = ({ model, task, factor }: Pick<Drawn, 'model' | 'task' | 'factor'>): string =>
  JSON.stringify([model, task, factor]);

/** UNCURL's plan with the given labels, by layer. */
const planOf = (profile: RoutingStatistics, keep: number, labels: readonly Int32Array[]): MergePlan => {
  const { layers, experts } = profile;
  const groups = Array.from({ length: layers }, (_, layer) => {
    const affinity = expertAffinity('cosine', profile, layer);
    const counts = layerRow(profile.counts, layer, experts);
    return groupExperts({
      affinity,
      counts,
      keep,
      layer,
      pins: { stay: new Set(), go: new Set() },
      weights: 'activation',
      cluster: (free, clusters) =>
        membersOf(free, fillEmptyClusters(labels[layer] ?? new Int32Array(), affinity, clusters), clusters),
    });
  });
  const { router, align } = uncurlOptions.parse({});
  return { groups, router, align };
};

const measure = async (): Promise<void> => {
  const known = readAll();
  const limit = Number(optionOf('items') ?? Infinity);
  for (const model of listOf('models')) {
    const checkpoint = await openCheckpoint(path.join(root, 'resources', 'models', model));
    const overlayFolder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-overlays-'));
    const runner = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: Infinity, overlayFolder });
    const { experts } = checkpoint.info;
    for (const name of listOf('tasks')) {
      const task = await loadTask(path.join(root, 'resources', 'tasks', name));
      const items = task.test.slice(0, limit);
      const profile = await runner.profile(task.calibration, control);
      const answers = (candidates: readonly Candidate[]) => answerItems(runner, task, items, candidates, control);
      const baseline = (await answers([{ key: 'unpruned', plan: null }])).get('unpruned') ?? [];
      for (const factor of listOf('factors').map(Number)) {
        const keep = experts / factor;
        const done = new Set(
          known.filter((one) => cellOf(one) === cellOf({ model, task: name, factor })).map(({ variant }) => variant),
        );
        const graphs = Array.from({ length: profile.layers }, (_, layer): Graph => ({
          affinity: expertAffinity('cosine', profile, layer),
          n: experts,
          k: keep,
        }));
        const spectra = graphs.map((graph) => embed(graph, 'degree'));
        const grams = spectra.map(({ vectors }) => gramOf(vectors));
        const whole = grams.map((gram) => inertiaOf(gram, experts, 1, new Int32Array(experts)));
        const gap = mean(spectra.map(({ eigenvalues }) => (eigenvalues[keep] ?? 0) - (eigenvalues[keep - 1] ?? 0)));
        const draws = variants
          .filter((variant) => !done.has(variant.name))
          .flatMap((variant) =>
            Array.from({ length: variant.draws }, (_, seed) => {
              const labels = graphs.map((graph) => variant.labels(graph, seed));
              const inertia = mean(
                grams.map((gram, layer) => {
                  const own = labels[layer] ?? new Int32Array();
                  return inertiaOf(gram, experts, new Set(own).size, own) / (whole[layer] ?? NaN);
                }),
              );
              return { variant: variant.name, seed, labels, inertia, plan: planOf(profile, keep, labels) };
            }),
          );
        const plans = new Map(draws.map(({ plan }) => [JSON.stringify(plan.groups), plan]));
        const differences = new Map<string, number>();
        const waiting = [...plans];
        while (waiting.length > 0) {
          const group = waiting.splice(0, GROUP).map(([key, plan]) => ({ key, plan }));
          const outcomes = await answers(group);
          for (const { key } of group)
            differences.set(key, summarise(task.metric, baseline, outcomes.get(key) ?? []).difference);
          rmSync(overlayFolder, { recursive: true, force: true });
        }
        for (const { variant, seed, labels, inertia, plan } of draws) {
          const line: Drawn = {
            model,
            task: name,
            factor,
            items: items.length,
            variant,
            seed,
            inertia,
            gap,
            labels: labels.map((layer) => [...layer]),
            difference: differences.get(JSON.stringify(plan.groups)) ?? NaN,
          };
          appendFileSync(file, `${JSON.stringify(line)}\n`);
        }
        console.error(`${model} ${name} x${String(factor)}: ${String(plans.size)} plans of ${String(draws.length)}`);
      }
    }
    await runner.dispose();
    rmSync(overlayFolder, { recursive: true, force: true });
  }
};

const pairs = (n: number): number => (n * (n - 1)) / 2;
const countsOf = (values: readonly (string | number)[]): readonly number[] => {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()];
};
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Adjusted Rand index of two partitions (Hubert and Arabie 1985): 1 if they are equal, about 0 by chance. */
const adjustedRand = (one: readonly number[], other: readonly number[]): number => {
  const together = sum(countsOf(one.map((label, at) => `${String(label)} ${String(other[at])}`)).map(pairs));
  const [a, b] = [sum(countsOf(one).map(pairs)), sum(countsOf(other).map(pairs))];
  const expected = (a * b) / pairs(one.length);
  const most = (a + b) / 2;
  return most === expected ? 1 : (together - expected) / (most - expected);
};

const ranksOf = (values: readonly number[]): readonly number[] =>
  values.map((value) => values.filter((other) => other < value).length + values.filter((o) => o === value).length / 2);
const correlation = (x: readonly number[], y: readonly number[]): number => {
  const [mx, my] = [mean(x), mean(y)];
  const product = sum(x.map((value, at) => (value - mx) * ((y[at] ?? NaN) - my)));
  return product / Math.sqrt(sum(x.map((value) => (value - mx) ** 2)) * sum(y.map((value) => (value - my) ** 2)));
};

const deviation = (values: readonly number[]): number => {
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
};

/** Percentile interval of a mean, with cells resampled 10,000 times. */
const interval = (values: readonly number[]): readonly [number, number] => {
  const random = seededRandom(0);
  const means = Array.from({ length: 10_000 }, () =>
    mean(values.map(() => values[random.integer(values.length)] ?? NaN)),
  ).sort((a, b) => a - b);
  return [means[249] ?? NaN, means[9749] ?? NaN];
};

const show = (value: number, digits = 3): string => value.toFixed(digits);
const points = (value: number): string => show(100 * value, 1);

const report = (): void => {
  const all = readAll();
  const kinds = [...new Set(all.map(({ task }) => task.endsWith('-written')))];
  for (const written of kinds) {
    const own = all.filter(({ task }) => task.endsWith('-written') === written);
    const cells = [...new Set(own.map(cellOf))];
    console.log(`\n${written ? 'written' : 'chosen'}: ${String(cells.length)} cells (model, task, factor)`);
    console.log('variant | mean loss | sd over draws | range | ARI between draws | equal plans | rho(inertia, loss)');
    for (const variant of [...new Set(own.map((one) => one.variant))]) {
      const groups = cells.map((cell) => own.filter((one) => one.variant === variant && cellOf(one) === cell));
      const some = groups.filter((group) => group.length > 0);
      const loss = some.map((group) => -mean(group.map(({ difference }) => difference)));
      const several = some.filter((group) => group.length > 1);
      const spread = several.map((group) => deviation(group.map(({ difference }) => difference)));
      const ranges = several.map((group) => {
        const values = group.map(({ difference }) => difference);
        return Math.max(...values) - Math.min(...values);
      });
      const agreement = several.map((group) =>
        mean(
          group.flatMap((one, at) =>
            group
              .slice(at + 1)
              .map((other) => mean(one.labels.map((layer, l) => adjustedRand(layer, other.labels[l] ?? [])))),
          ),
        ),
      );
      const distinct = several.map((group) => new Set(group.map(({ labels }) => JSON.stringify(labels))).size);
      const rho = several
        .map((group) =>
          correlation(
            ranksOf(group.map(({ inertia }) => Number(inertia.toPrecision(9)))),
            ranksOf(group.map(({ difference }) => -difference)),
          ),
        )
        .filter(Number.isFinite);
      const [low, high] = interval(rho);
      console.log(
        [
          variant,
          points(mean(loss)),
          ...(several.length === 0
            ? ['no draws', '', '', '', '']
            : [
                points(mean(spread)),
                `${points(mean(ranges))} (most ${points(Math.max(...ranges))})`,
                show(mean(agreement), 2),
                `${show(mean(distinct), 1)} of ${show(mean(several.map((group) => group.length)), 0)} differ`,
                `${show(mean(rho), 2)} [${show(low, 2)}, ${show(high, 2)}] (${String(rho.length)} cells)`,
              ]),
        ].join(' | '),
      );
    }
    const published = own.filter(({ variant }) => variant === 'k-means degree, 20 starts');
    for (const variant of [...new Set(own.map((one) => one.variant))].filter((name) => !name.includes('degree, 20 '))) {
      const gains = cells.flatMap((cell) => {
        const [a, b] = [published, own.filter((one) => one.variant === variant)].map((list) =>
          list.filter((one) => cellOf(one) === cell).map(({ difference }) => difference),
        );
        return a === undefined || b === undefined || a.length === 0 || b.length === 0 ? [] : [mean(b) - mean(a)];
      });
      const [low, high] = interval(gains);
      console.log(
        `  ${variant} minus published: ${points(mean(gains))} points [${points(low)}, ${points(high)}] over cells`,
      );
    }
    const gaps = cells.map((cell) => {
      const group = published.filter((one) => cellOf(one) === cell);
      return { gap: group[0]?.gap ?? NaN, spread: deviation(group.map(({ difference }) => difference)) };
    });
    console.log(
      `  spectral gap against spread of the published over cells: rho ` +
        show(correlation(ranksOf(gaps.map(({ gap }) => gap)), ranksOf(gaps.map(({ spread }) => spread))), 2),
    );
  }
};

if (words.includes('--report')) report();
else await measure();
