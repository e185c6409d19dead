import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { areSafeCounts, itemsNeeded } from '../../main/evaluation/verdicts.ts';
import { groupMoves, levelAbove } from '../../main/statistics/clustered-pairs.ts';
import { UNPRUNED } from '../../main/contract/sweep.ts';
import { bootstrapPerplexity, quantile } from '../../main/statistics/bootstrap.ts';
import { criticalScore, discordanceGrid, sizeOf } from '../../main/statistics/exact-paired-test.ts';
import { normalQuantileOf, normalUpperTail, studentT } from '../../main/statistics/distributions.ts';
import { chanceForUnharmed } from '../../main/statistics/paired-power.ts';
import { plannedLevels } from '../../main/evaluation/planned-looks.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { sampleOutcomes } from '../main/evaluation/curtailed-sample.ts';
import { recordedResults } from '../main/sample/recorded.ts';

// How often the rules call a candidate safe (or worse, or different) when it is not, and how often they call an
// unharmed one safe.
//
//   npx node tests/bench/error-rates.ts items [LARGEST N] [STEP OF N]    exact: every n at every margin
//   npx node tests/bench/error-rates.ts passages [RUNS]                  simulated
//   npx node tests/bench/error-rates.ts texts [RUNS]                     simulated
//   npx node tests/bench/error-rates.ts best [RUNS]                      simulated
//   npx node tests/bench/error-rates.ts looks [RUNS]                     simulated
//   npx node tests/bench/error-rates.ts losses [RUNS]                    simulated, on the sample's outcomes
//
// "--record" after the number of RUNS also keeps what texts, best, looks and losses count in error-rates.jsonl beside
// this script (in place of what it held of the same simulation), from which "npm run docs" writes the figures of
// verdicts.md.
//
// items: the size of a test is the largest probability of rejecting a true hypothesis, over every share of discordant
// items. It is summed exactly over the trinomial (no simulation), on a grid of shares twice as fine as the grid for
// critical scores, refined between its highest points by golden section. "normal quantile" is Tango's rule as
// published, "exact" the rule in use.
//
// passages: the candidate is truly worse by exactly delta; part of the changes affect whole passages, the others single
// items. RUNS (4000) draws each, so two standard errors at 5 % are 0.7 points. Power: the candidate is not worse, and
// as many items change in each direction.
//
// texts: the increase in log-perplexity per token is exactly delta; RUNS (1000) draws each of texts of 50 to 1000
// tokens whose own increase has the named distribution.
//
// best: four methods, each truly worse by exactly delta, answer the same items; some method is called safe, with each
// at 5 %, and at 5 % / 4. "together": the share of an item's changes that all methods have in common. RUNS (20000);
// numbers in brackets are Monte Carlo standard errors.
//
// looks: one candidate, truly worse by exactly delta; items are added until it is safe, at 150, 300, 600 and 1,200,
// each look at 5 %, or at the planned levels (plannedLevels). RUNS (20000). Power: the same for an unharmed candidate.
//
// losses: how often the interval of the answer loss misses the mean over all items of a point of the sample, when n of
// its items are drawn with replacement: Student's t of the mean as used, and five that were tried: Johnson's shift of t
// for skewness (Johnson 1978, JASA 73) and Hall's transformation (Hall 1992, JRSS B 54); the bias-corrected and
// accelerated bootstrap (Efron 1987, JASA 82) and the studentised one (399 resamples each); and Student's t with the
// largest and the smallest value counted twice. "of its width": the mean width, in that of Student's. RUNS (100) for
// each of 120 points that are safe by choice, where the number is read, or fewer if there are not so many.

const percent = (share: number): string => (100 * share).toFixed(share < 0.001 ? 3 : 1);
const line = (...cells: readonly (string | number)[]): void => {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(9)).join(' ')}\n`);
};

const [, , what = 'items', first, second] = process.argv;
const record = new URL('error-rates.jsonl', import.meta.url);
const isRecorded = second === '--record';
if (isRecorded) {
  const others = readFileSync(record, 'utf8').split('\n');
  const isOther = (row: string): boolean => row !== '' && !row.startsWith(JSON.stringify({ of: what }).slice(0, -1));
  writeFileSync(
    record,
    others
      .filter(isOther)
      .map((row) => `${row}\n`)
      .join(''),
  );
}
/** Keeps a row of a simulation; counts are numbers of `runs`. */
const keep = (row: Readonly<Record<string, string | number>>): void => {
  if (isRecorded) appendFileSync(record, `${JSON.stringify({ of: what, ...row })}\n`);
};

const ALPHA = 0.05;

const items = (largest: number, step: number): void => {
  const describe = (name: string, difference: (delta: number) => number, alpha: number, deltas: readonly number[]) => {
    const steps = step > 1 ? ` in steps of ${String(step)}` : '';
    line(`\n${name}: size in %, n to ${String(largest)}${steps}; "safe" from the fewest items that allow a verdict`);
    line('delta', 'nominal', 'at n', 'above', 'exact', 'at n', 'above');
    for (const delta of deltas) {
      const worst = { nominal: 0, nominalAt: 0, nominalAbove: 0, exact: 0, exactAt: 0, exactAbove: 0, looked: 0 };
      for (let n = difference(delta) < 0 ? itemsNeeded(delta) : 1; n <= largest; n += step) {
        const test = { n, difference: difference(delta) };
        const grid = discordanceGrid(n, test.difference, 2);
        const nominal = sizeOf({ ...test, z: normalQuantileOf(alpha) }, grid);
        const exact = sizeOf({ ...test, z: criticalScore(n, test.difference, alpha) }, grid);
        worst.looked += 1;
        if (nominal > alpha) worst.nominalAbove += 1;
        if (exact > alpha) worst.exactAbove += 1;
        if (nominal > worst.nominal) [worst.nominal, worst.nominalAt] = [nominal, n];
        if (exact > worst.exact) [worst.exact, worst.exactAt] = [exact, n];
      }
      const share = (above: number): string =>
        `${(worst.looked === 0 ? 0 : (100 * above) / worst.looked).toFixed(0)} %`;
      line(
        delta,
        (100 * worst.nominal).toFixed(3),
        worst.nominalAt,
        share(worst.nominalAbove),
        (100 * worst.exact).toFixed(3),
        worst.exactAt,
        share(worst.exactAbove),
      );
    }
  };
  const deltas = [0.0005, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2];
  describe('safe', (delta) => -delta, ALPHA, deltas);
  describe('worse', (delta) => delta, ALPHA, deltas);
  describe('two-sided interval excludes 0 (one side)', () => 0, ALPHA / 2, [0]);
  line('\nprobability of safe for an unharmed candidate, delta = 0.02, in %');
  line('n', 'discordant', 'nominal', 'exact');
  for (const n of [150, 300, 500, 1000, 2000])
    for (const discordance of [0.005, 0.01, 0.02, 0.05]) {
      const chance = (z: number): string => percent(chanceForUnharmed({ n, delta: 0.02, z }, discordance));
      line(n, discordance, chance(normalQuantileOf(ALPHA)), chance(criticalScore(n, -0.02, ALPHA)));
    }
};

const random = seededRandom(1);

/** Sizes of groups, geometrically distributed with this mean. */
const geometric = (groups: number, mean: number): number[] =>
  Array.from(
    { length: groups },
    (_, index) => 1 + Math.floor(Math.log((index + 0.5) / groups) / Math.log(1 - 1 / mean)),
  );

const STRUCTURES: Readonly<Record<string, readonly number[]>> = {
  '25 of 40': Array.from({ length: 25 }, () => 40),
  '60 of 5': Array.from({ length: 60 }, () => 5),
  '200 of 5': Array.from({ length: 200 }, () => 5),
  '300 of 4': Array.from({ length: 300 }, () => 4),
  '400 of 2 to 5': Array.from({ length: 400 }, (_, index) => 2 + (index % 4)),
  '800, geometric': geometric(800, 3),
};

/** Changes of every item: the fraction `together` of changes affects whole groups. */
const drawMoves = (sizes: readonly number[], gained: number, lost: number, together: number): number[] => {
  const move = (up: number, down: number): number => {
    const draw = random.float();
    return draw < down ? -1 : draw < down + up ? 1 : 0;
  };
  const left = 1 - together * (gained + lost);
  return sizes.flatMap((size) => {
    const whole = move(together * gained, together * lost);
    return Array.from({ length: size }, () =>
      whole === 0 ? move(((1 - together) * gained) / left, ((1 - together) * lost) / left) : whole,
    );
  });
};

const passages = (runs: number): void => {
  const parts = [0, 0.25, 0.5, 0.75, 1];
  const share = (sizes: readonly number[], delta: number, gained: number, lost: number, together: number): number => {
    const names = sizes.flatMap((size, group) => Array.from({ length: size }, () => String(group)));
    let safe = 0;
    for (let run = 0; run < runs; run += 1) {
      const moves = groupMoves(drawMoves(sizes, gained, lost, together), names);
      if (levelAbove(moves, -delta) <= ALPHA) safe += 1;
    }
    return safe / runs;
  };
  line('\ncalled safe though worse by delta, in %, by the share of changes that affect whole passages');
  line('passages', 'delta', 'discordant', ...parts);
  for (const [name, sizes] of Object.entries(STRUCTURES))
    for (const delta of [0.005, 0.02, 0.05, 0.15])
      for (const discordance of [0.005, 0.02, 0.05, 0.1, 0.2]) {
        if (discordance < delta) continue;
        const [gained, lost] = [(discordance - delta) / 2, (discordance + delta) / 2];
        const shares = parts.map((together) => percent(share(sizes, delta, gained, lost, together)));
        line(name, delta, discordance, ...shares);
      }
  line('\ncalled safe when unharmed, in % (delta = 0.02)');
  line('passages', 'delta', 'discordant', ...parts);
  for (const [name, sizes] of Object.entries(STRUCTURES))
    for (const discordance of [0.005, 0.01, 0.02, 0.05]) {
      const shares = parts.map((together) => percent(share(sizes, 0.02, discordance / 2, discordance / 2, together)));
      line(name, 0.02, discordance, ...shares);
    }
};

const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
const student = (degrees: number): number => {
  let squares = 0;
  for (let i = 0; i < degrees; i += 1) squares += normal() ** 2;
  return normal() / Math.sqrt(squares / degrees);
};

/** Sampler and mean of a text's rise. */
const RISES: Readonly<Record<string, readonly [draw: () => number, mean: number]>> = {
  normal: [normal, 0],
  't, 3 df': [() => student(3), 0],
  exponential: [() => -Math.log(1 - random.float()), 1],
  'lognormal 1': [() => Math.exp(normal()), Math.exp(0.5)],
  'lognormal 1.5': [() => Math.exp(1.5 * normal()), Math.exp(1.125)],
  'Pareto 3': [() => (1 - random.float()) ** (-1 / 3), 1.5],
  '1 in 20 by 5': [() => normal() + (random.float() < 0.05 ? 5 : 0), 0.25],
  '1 in 50 by 20': [() => normal() + (random.float() < 0.02 ? 20 : 0), 0.4],
  '1 in 30 by 30': [() => 0.1 * normal() + (random.float() < 1 / 30 ? 30 : 0), 1],
};

const texts = (runs: number): void => {
  line('\nupper end below the true rise (called safe though worse by delta), in %; lower end above it');
  wide('texts', 'rise', 'upper, 5 %', 'as used', 'lower');
  for (const n of [20, 50, 100, 300])
    for (const [name, [draw, mean]] of Object.entries(RISES)) {
      const missed = { nominal: 0, used: 0, lower: 0 };
      for (let run = 0; run < runs; run += 1) {
        const sample = Array.from({ length: n }, () => {
          const tokens = 50 + random.integer(951);
          const baseline = -tokens * (2.5 + 0.3 * normal());
          return { baseline, candidate: baseline - 0.02 * tokens * draw(), tokens };
        });
        const found = bootstrapPerplexity(sample, { resamples: 1000, seed: run });
        const nominal = found.logHighTail.find(({ alpha }) => alpha === ALPHA)?.high ?? NaN;
        if (nominal < 0.02 * mean) missed.nominal += 1;
        if (found.logHighOneSided < 0.02 * mean) missed.used += 1;
        if (found.logLowOneSided > 0.02 * mean) missed.lower += 1;
      }
      keep({ n, rise: name, runs, ...missed });
      wide(n, name, ...Object.values(missed).map((count) => simulated(count, runs)));
    }
};

/** "12.3 (0.2)": percent, with the Monte Carlo standard error. */
const simulated = (count: number, runs: number): string => {
  const share = count / runs;
  return `${percent(share)} (${(100 * Math.sqrt((share * (1 - share)) / runs)).toFixed(1)})`;
};
const wide = (...cells: readonly (string | number)[]): void => {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(14)).join(' ')}\n`);
};

const METHODS = 4;

const best = (runs: number): void => {
  line('\nsome of four methods is called safe, though each is worse by delta = 0.02, in %');
  wide('n', 'discordant', 'together', 'each at 5 %', 'after selection');
  for (const n of [150, 300, 1000])
    for (const discordance of [0.02, 0.03, 0.05, 0.1])
      for (const together of [0, 0.5]) {
        const [gained, lost] = [(discordance - 0.02) / 2, (discordance + 0.02) / 2];
        const left = 1 - together * discordance;
        const move = (up: number, down: number): number => {
          const draw = random.float();
          return draw < down ? -1 : draw < down + up ? 1 : 0;
        };
        const safe = { each: 0, selected: 0 };
        for (let run = 0; run < runs; run += 1) {
          const counts = Array.from({ length: METHODS }, () => ({ gained: 0, lost: 0, n }));
          for (let item = 0; item < n; item += 1) {
            const common = move(together * gained, together * lost);
            for (const own of counts) {
              const moved =
                common === 0 ? move(((1 - together) * gained) / left, ((1 - together) * lost) / left) : common;
              if (moved > 0) own.gained += 1;
              if (moved < 0) own.lost += 1;
            }
          }
          if (counts.some((own) => areSafeCounts(own, 0.02, ALPHA))) safe.each += 1;
          if (counts.some((own) => areSafeCounts(own, 0.02, ALPHA / METHODS))) safe.selected += 1;
        }
        keep({ n, discordance, together, runs, ...safe });
        wide(n, discordance, together, simulated(safe.each, runs), simulated(safe.selected, runs));
      }
};

const LOOKS = [150, 300, 600, 1200];

const looks = (runs: number): void => {
  const levels = plannedLevels(LOOKS, ALPHA);
  line(`\nitems added until safe, looks at ${LOOKS.join(', ')}; planned levels ${levels.map(percent).join(', ')} %`);
  wide('truly worse by', 'discordant', 'each at 5 %', 'planned', 'last alone');
  for (const loss of [0.02, 0])
    for (const discordance of [0.02, 0.03, 0.05, 0.1]) {
      const safe = { each: 0, planned: 0, last: 0 };
      for (let run = 0; run < runs; run += 1) {
        const counts = { gained: 0, lost: 0 };
        let n = 0;
        const found = { each: false, planned: false };
        LOOKS.forEach((look, at) => {
          for (; n < look; n += 1) {
            const draw = random.float();
            if (draw < (discordance + loss) / 2) counts.lost += 1;
            else if (draw < discordance) counts.gained += 1;
          }
          found.each ||= areSafeCounts({ ...counts, n }, 0.02, ALPHA);
          found.planned ||= areSafeCounts({ ...counts, n }, 0.02, levels[at] ?? 0);
        });
        if (found.each) safe.each += 1;
        if (found.planned) safe.planned += 1;
        if (areSafeCounts({ ...counts, n }, 0.02, ALPHA)) safe.last += 1;
      }
      const shares = [safe.each, safe.planned, safe.last].map((count) => simulated(count, runs));
      keep({ loss, discordance, runs, ...safe });
      wide(loss, discordance, ...shares);
    }
};

const RESAMPLES = 399;

type Ends = readonly [low: number, high: number];

const momentsOf = (values: readonly number[]) => {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const cubes = values.reduce((sum, value) => sum + (value - mean) ** 3, 0);
  const deviation = Math.sqrt(squares / (n - 1));
  return { n, mean, deviation, skewness: deviation === 0 ? 0 : cubes / n / deviation ** 3 };
};

const byStudent = (values: readonly number[]): Ends => {
  const { n, mean, deviation } = momentsOf(values);
  const reach = (studentT(ALPHA, n - 1) * deviation) / Math.sqrt(n);
  return [mean - reach, mean + reach];
};

const byJohnson = (values: readonly number[]): Ends => {
  const { n, deviation, skewness } = momentsOf(values);
  const [low, high] = byStudent(values);
  const shift = (skewness * deviation) / (6 * n);
  return [low + shift, high + shift];
};

const byTwice = (values: readonly number[]): Ends => byStudent([...values, Math.min(...values), Math.max(...values)]);

const byHall = (values: readonly number[]): Ends => {
  const { n, mean, deviation, skewness } = momentsOf(values);
  if (Math.abs(skewness) < 1e-6) return byStudent(values);
  const back = (y: number): number => (3 / skewness) * (Math.cbrt(1 + skewness * (y - skewness / (6 * n))) - 1);
  const t = studentT(ALPHA, n - 1) / Math.sqrt(n);
  return [mean - deviation * back(t), mean - deviation * back(-t)];
};

const resampled = (values: readonly number[]): number[] =>
  values.map(() => values[random.integer(values.length)] ?? NaN);

const byAccelerated = (values: readonly number[]): Ends => {
  const { n, mean } = momentsOf(values);
  const squares = values.reduce((sum, value) => sum + (mean - value) ** 2, 0);
  if (squares === 0) return [mean, mean];
  // Acceleration of the jackknife, whose means lie (mean - value) / (n - 1) above the mean.
  const acceleration = values.reduce((sum, value) => sum + (mean - value) ** 3, 0) / (6 * squares ** 1.5);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    const own = resampled(values);
    return own.reduce((sum, value) => sum + value, 0) / n;
  }).sort();
  const below = means.filter((value) => value < mean).length + means.filter((value) => value === mean).length / 2;
  const score = (level: number): number => (level > 0.5 ? normalQuantileOf(1 - level) : -normalQuantileOf(level));
  const bias = score(Math.min(1 - 0.5 / RESAMPLES, Math.max(0.5 / RESAMPLES, below / RESAMPLES)));
  const end = (level: number): number => {
    const at = bias + score(level);
    return quantile(means, 1 - normalUpperTail(bias + at / (1 - acceleration * at)));
  };
  return [end(0.025), end(0.975)];
};

const byBootstrap = (values: readonly number[]): Ends => {
  const { mean, deviation } = momentsOf(values);
  const ratios: number[] = [];
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    const own = momentsOf(resampled(values));
    if (own.deviation > 0) ratios.push((own.mean - mean) / own.deviation);
  }
  const ascending = Float64Array.from(ratios).sort();
  return [mean - deviation * quantile(ascending, 0.975), mean - deviation * quantile(ascending, 0.025)];
};

const INTERVALS = {
  student: byStudent,
  johnson: byJohnson,
  hall: byHall,
  BCa: byAccelerated,
  studentised: byBootstrap,
  twice: byTwice,
} as const;
const POINTS = 120;

const losses = async (runs: number): Promise<void> => {
  const outcomesOf = await sampleOutcomes();
  const { results } = await recordedResults('sample');
  const chosen = results.filter(
    ({ factor, verdict, answerLoss }) => factor > 1 && verdict === 'safe' && (answerLoss?.mean ?? 0) !== 0,
  );
  const populations = random
    .shuffle([...chosen])
    .slice(0, POINTS)
    .map((result) => {
      const unpruned = outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 });
      const after = outcomesOf(result);
      return unpruned.flatMap((before, index) => {
        const own = after[index];
        if (before.kind !== 'choice' || own?.kind !== 'choice') return [];
        return [(before.logprobs[before.answer] ?? NaN) - (own.logprobs[before.answer] ?? NaN)];
      });
    });
  line(`\nintervals of the answer loss that miss, in % of draws from ${String(populations.length)} points`);
  wide('n', 'interval', 'missed, %', 'too low', 'too high', 'worst point', 'of its width');
  for (const n of [50, 150, 300])
    for (const [name, interval] of Object.entries(INTERVALS)) {
      let [low, high, worst, width] = [0, 0, 0, 0];
      for (const population of populations) {
        const { mean } = momentsOf(population);
        let own = 0;
        for (let run = 0; run < runs; run += 1) {
          const sample = Array.from({ length: n }, () => population[random.integer(population.length)] ?? NaN);
          const [from, to] = interval(sample);
          const [usedFrom, usedTo] = byStudent(sample);
          width += usedTo === usedFrom ? 1 : (to - from) / (usedTo - usedFrom);
          if (to < mean) low += 1;
          if (from > mean) high += 1;
          if (to < mean || from > mean) own += 1;
        }
        worst = Math.max(worst, own / runs);
      }
      const all = runs * populations.length;
      const shares = [low + high, low, high].map((count) => simulated(count, all));
      keep({ n, interval: name, points: populations.length, runs: all, low, high, worst, width: width / all });
      wide(n, name, ...shares, percent(worst), (width / all).toFixed(2));
    }
};

if (what === 'items') items(Number(first ?? 1000), Number(second ?? 1));
else if (what === 'passages') passages(Number(first ?? 4000));
else if (what === 'texts') texts(Number(first ?? 1000));
else if (what === 'best') best(Number(first ?? 20_000));
else if (what === 'looks') looks(Number(first ?? 20_000));
else if (what === 'losses') await losses(Number(first ?? 100));
else throw new Error(`${what} must be items, passages, texts, best, looks or losses`);
