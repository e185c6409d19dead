import { kMeansOptimiser, type MethodName, type MethodOptions } from './plan.ts';

/** Methods that cluster by k-means, with an option `optimiser`. */
export const K_MEANS_METHODS: readonly MethodName[] = ['uncurl', 'sub-moe'];

type OptionsByMethod = Readonly<Record<MethodName, MethodOptions>>;

/**
 * Options by method in which each of `methods` that clusters by k-means names its optimiser: runs record today's
 * default, which may change.
 */
export const withOptimiser = (
  options: OptionsByMethod,
  methods: readonly MethodName[],
): Record<MethodName, MethodOptions> => ({
  ...options,
  ...Object.fromEntries(
    methods
      .filter((method) => K_MEANS_METHODS.includes(method))
      .map((method) => [method, { optimiser: OPTIMISER, ...options[method] }]),
  ),
});

/** Today's default. */
export const OPTIMISER = kMeansOptimiser.enum.hartigan;

/** Options of one method without the optimiser where it is the default. */
export const withoutDefaultOptimiser = ({ optimiser, ...others }: MethodOptions): MethodOptions =>
  optimiser === undefined || optimiser === OPTIMISER ? others : { optimiser, ...others };
