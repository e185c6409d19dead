import { kMeansOptimiser, type MethodName, type MethodOptions } from './plan.ts';

/** Methods that cluster by k-means, with an option `optimiser`. */
export const K_MEANS_METHODS: readonly MethodName[] = ['uncurl', 'sub-moe'];

type OptionsByMethod = Readonly<Record<MethodName, MethodOptions>>;

/**
 * Options by method in which each of `methods` that clusters by k-means names its optimiser. Runs record them so: in a
 * run without the option it was `lloyd`, the only one at that time, and not today's default.
 */
export const withOptimiser = (
  options: OptionsByMethod,
  methods: readonly MethodName[],
  optimiser: 'lloyd' | 'hartigan',
): Record<MethodName, MethodOptions> => ({
  ...options,
  ...Object.fromEntries(
    methods
      .filter((method) => K_MEANS_METHODS.includes(method))
      .map((method) => [method, { optimiser, ...options[method] }]),
  ),
});

/** Today's default. */
export const OPTIMISER = kMeansOptimiser.enum.hartigan;

/** Options of one method without the optimiser where it is the default. */
export const withoutDefaultOptimiser = ({ optimiser, ...others }: MethodOptions): MethodOptions =>
  optimiser === undefined || optimiser === OPTIMISER ? others : { optimiser, ...others };
