/** Percent, or points, of a share. */
export const points = (share: number): string => (100 * share).toFixed(1).replace(/^-0\.0$/, '0.0');
/** An end just below 0 stays -0.0, since the interval then excludes 0. */
export const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |'));
export const items = (sentences: readonly string[]): readonly string[] => sentences.map((sentence) => `- ${sentence}`);
