import type { CompareReading, CompareRecovery } from '../../contract/compare.ts';
import { curveLabel } from '../../contract/method.ts';
import { refitName, type RefitName } from '../../contract/plan.ts';
import { isSameFactor } from '../../contract/sweep.ts';
import { pairDrawByDraw, readingOf } from './pairs.ts';
import { type MeasuredMethod, type MeasuredTask, valueOf } from './tasks.ts';

type TaskRecovery = CompareRecovery['tasks'][number];

/** Draws measured with and without recovery at the same factor. */
const bothWays = (bare: MeasuredMethod, recovered: MeasuredMethod) =>
  recovered.draws.flatMap((draw, index) => {
    // A recovered plan equals the bare one only at the same number of kept experts.
    const bareIndex = bare.draws.findIndex(
      ({ seed, factor }) => seed === draw.seed && isSameFactor(factor, draw.factor),
    );
    const [one, other, plain] = [recovered.outcomes[index], bare.outcomes[bareIndex], bare.draws[bareIndex]];
    return one === undefined || other === undefined || plain === undefined
      ? []
      : [{ one, other, recovered: draw, bare: plain }];
  });

const recoveryOn = ({ task, metric, n, methods }: MeasuredTask, method: string, refit: RefitName): TaskRecovery[] => {
  const bare = methods.find((one) => one.method === method);
  const recovered = methods.find((one) => one.method === curveLabel(method, refit));
  if (bare === undefined || recovered === undefined) return [];
  const pairs = bothWays(bare, recovered);
  if (pairs.length === 0) return [];
  const paired = pairDrawByDraw(metric, pairs);
  return [
    {
      task,
      metric,
      n,
      bare: valueOf({ draws: pairs.map((pair) => pair.bare) }),
      recovered: valueOf({ draws: pairs.map((pair) => pair.recovered) }),
      paired,
      reading: readingOf(metric, paired.pairs),
    },
  ];
};

/** Effect of each recovery on every method that is measured with and without it, task by task. */
export const compareRecoveries = (tasks: readonly MeasuredTask[], methods: readonly string[]): CompareRecovery[] =>
  methods.flatMap((method) =>
    refitName.options
      .filter((refit) => methods.includes(curveLabel(method, refit)))
      .flatMap((refit): CompareRecovery[] => {
        const compared = tasks.flatMap((task) => recoveryOn(task, method, refit));
        const count = (reading: CompareReading): number => compared.filter((one) => one.reading === reading).length;
        return compared.length === 0
          ? []
          : [
              {
                method,
                refit,
                better: count('better'),
                nothing: count('cannot-tell'),
                worse: count('worse'),
                drawsDiffer: count('draws-differ'),
                tasks: compared,
              },
            ];
      }),
  );
