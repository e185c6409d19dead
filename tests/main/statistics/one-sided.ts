/** Standard normal quantile 0.95, for one-sided 95 % limits (two-sided 90 %). */
export const Z_ONE_SIDED_95 = 1.6448536269514722;
