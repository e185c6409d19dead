import { withPauses } from '../../main/arithmetic/steps.ts';
import { Float64Products } from '../../main/inference/float64-products.ts';
import { subspaceAverage } from '../../main/pruning/merging/merge-rule.ts';
import { recoverLayer } from '../../main/pruning/recovery/recover-layer.ts';
import type { RecoveryProblem } from '../../main/pruning/recovery/recovery-problem.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { median } from './statistics.ts';

/**
 * Time of the recovery of one layer and of Sub-MoE's merge, with large products in onnxruntime and in plain loops, and
 * the difference between the two resulting corrections.
 *
 * Method: one thread, features and residuals from a seed, top-2 of the kept experts for each token, all ridges of the
 * cross-validation. Rounds are interleaved. Prints medians of processor time, which other work on the machine does not
 * affect, and the largest difference of a correction relative to the largest correction.
 * Usage: npx node tests/bench/recovery.ts [ROUNDS]
 */

const rounds = Number(process.argv[2] ?? 3);
const random = seededRandom(1);
const noise = (): number => 2 * random.float() - 1;

interface Size {
  readonly name: string;
  readonly experts: number;
  readonly width: number;
  readonly hidden: number;
  readonly tokens: number;
  /** Largest number of unknowns that are solved jointly; by default the usual limit. */
  readonly mostJointUnknowns?: number;
}

const problemOf = ({ experts, width, hidden, tokens }: Size): RecoveryProblem => {
  const chosen = Array.from({ length: tokens }, () =>
    random.shuffle(Array.from({ length: experts }, (_, at) => at)).slice(0, 2),
  );
  return {
    width,
    hidden,
    experts: Array.from({ length: experts }, (_, expert) => {
      const own = Int32Array.from([...chosen.keys()].filter((token) => chosen[token]?.includes(expert)));
      return { tokens: own, values: Float32Array.from({ length: own.length * width }, noise) };
    }),
    residual: Float32Array.from({ length: tokens * hidden }, noise),
    items: Int32Array.from({ length: tokens }, (_, token) => Math.floor(token / 20)),
  };
};

/** Makes the residual depend on the features, so that the ridges have something to fit. */
const withTruth = (problem: RecoveryProblem): RecoveryProblem => {
  const residual = problem.residual.map((value) => 0.1 * value);
  for (const { tokens, values } of problem.experts)
    tokens.forEach((token, row) => {
      for (let h = 0; h < problem.hidden; h++)
        residual[token * problem.hidden + h]! += values[row * problem.width + (h % problem.width)]!;
    });
  return { ...problem, residual };
};

const products = new Float64Products();
const solve = async (problem: RecoveryProblem, { mostJointUnknowns }: Size, isAsked: boolean) => {
  const before = process.cpuUsage();
  const recovery = await withPauses(
    recoverLayer(problem, mostJointUnknowns),
    () => Promise.resolve(),
    isAsked ? products.multiply : undefined,
  );
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, recovery };
};

const sizes: readonly Size[] = [
  { name: 'uncurl-32 at factor 2, jointly', experts: 16, width: 96, hidden: 96, tokens: 4000 },
  { name: 'uncurl-32 at factor 2, by turns', experts: 16, width: 96, hidden: 96, tokens: 4000, mostJointUnknowns: 1 },
  { name: 'four experts of width 512, hidden 1024', experts: 4, width: 512, hidden: 1024, tokens: 3000 },
];
for (const size of sizes) {
  const problem = withTruth(problemOf(size));
  const [plain, asked]: [number[], number[]] = [[], []];
  let difference = 0;
  for (let round = 0; round < rounds; round++) {
    const slow = await solve(problem, size, false);
    const quick = await solve(problem, size, true);
    plain.push(slow.seconds);
    asked.push(quick.seconds);
    const most = Math.max(
      ...slow.recovery.corrections.map((block) => block.reduce((m, v) => Math.max(m, Math.abs(v)), 0)),
    );
    slow.recovery.corrections.forEach((block, expert) =>
      block.forEach((value, at) => {
        difference = Math.max(difference, Math.abs(value - (quick.recovery.corrections[expert]?.[at] ?? NaN)) / most);
      }),
    );
  }
  const [before, after] = [median(plain), median(asked)];
  process.stdout.write(
    `${size.name.padEnd(42)} plain ${before.toFixed(2)} s, onnxruntime ${after.toFixed(2)} s, ` +
      `ratio ${(before / after).toFixed(1)}; corrections differ by ${difference.toExponential(1)}\n`,
  );
}
/** Sub-MoE's merge of four matrices onto a quarter of their rows' directions. */
const [members, rows, columns] = [4, 256, 1024];
const matrices = Array.from({ length: members }, () => Float32Array.from({ length: rows * columns }, noise));
const shares = matrices.map(() => 1 / members);
const input = { matrices, rows, shares, reference: 0, base: matrices[0] ?? new Float32Array(0) };
const merging = async (isAsked: boolean): Promise<number> => {
  const before = process.cpuUsage();
  const steps = subspaceAverage(input, rows / 4);
  await withPauses(steps, () => Promise.resolve(), isAsked ? products.multiply : undefined);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};
const times: [number[], number[]] = [[], []];
for (let round = 0; round < rounds; round++)
  for (const side of [0, 1] as const) times[side].push(await merging(side === 1));
const [plainly, byRuntime] = [median(times[0]), median(times[1])];
process.stdout.write(
  `${"Sub-MoE's merge, 4 of 256 x 1024".padEnd(42)} plain ${plainly.toFixed(2)} s, onnxruntime ` +
    `${byRuntime.toFixed(2)} s, ` +
    `ratio ${(plainly / byRuntime).toFixed(1)}\n`,
);
await products.dispose();
