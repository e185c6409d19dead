/** "0–3, 7, 9–10": an ascending list in the shortest readable form. */
export const numberRanges = (numbers: readonly number[]): string => {
  const parts: string[] = [];
  let start = 0;
  for (let index = 0; index < numbers.length; index += 1) {
    const current = numbers[index] ?? 0;
    if (numbers[index + 1] === current + 1) continue;
    const first = numbers[start] ?? 0;
    parts.push(
      first === current ? `${current}` : current === first + 1 ? `${first}, ${current}` : `${first}–${current}`,
    );
    start = index + 1;
  }
  return parts.join(', ');
};
