/** Round numbers (1, 2 or 5 times a power of ten apart) within [low, high]: at most `most` of them, 0 among them where it lies within. */
export const roundTicks = (low: number, high: number, most: number): readonly number[] => {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step =
    [1, 2, 5, 10, 20]
      .map((times) => times * power)
      .find((size) => Math.floor(high / size) - Math.ceil(low / size) < most) ?? span;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
};
