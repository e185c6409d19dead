/** Outputs of one graph by name; whole numbers are indices (chosen experts), which cannot be a little different. */
export type ProbeOutputs = Readonly<Record<string, Float32Array | Int32Array>>;

/**
 * max |ours - theirs| / max(1, |theirs|) over all floating-point outputs; null where a number is none. The 1 keeps
 * numbers near zero, which are sums that cancel, from being judged by their own size.
 */
export const largestDeviation = (ours: ProbeOutputs, theirs: ProbeOutputs): number | null => {
  let largest = 0;
  for (const [name, reference] of Object.entries(theirs)) {
    const values = ours[name];
    if (!(reference instanceof Float32Array)) continue;
    if (values?.length !== reference.length) throw new Error(`output "${name}" has another length`);
    for (const [index, wanted] of reference.entries()) {
      const deviation = Math.abs((values[index] ?? Number.NaN) - wanted) / Math.max(1, Math.abs(wanted));
      if (Number.isNaN(deviation)) return null;
      largest = Math.max(largest, deviation);
    }
  }
  return largest;
};

/** Rows of `width` indices of which at least one differs. */
export const differingRows = (ours: ArrayLike<number>, theirs: ArrayLike<number>, width: number): number => {
  let rows = 0;
  for (let first = 0; first < theirs.length; first += width) {
    let differs = false;
    for (let index = first; index < first + width; index += 1) differs ||= ours[index] !== theirs[index];
    if (differs) rows += 1;
  }
  return rows;
};
