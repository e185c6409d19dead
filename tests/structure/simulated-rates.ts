import path from 'node:path';
import { z } from 'zod';
import { table } from './markdown.ts';
import { jsonLines, root } from './project-files.ts';

/** Error rates of verdicts.md, as tests/bench/error-rates.ts counted them (its header defines every simulation). */

const count = z.number().int().nonnegative();
const rate = z.number().nonnegative();
const row = z.discriminatedUnion('of', [
  z.strictObject({
    of: z.literal('texts'),
    n: count,
    rise: z.string(),
    runs: count,
    nominal: count,
    used: count,
    lower: count,
  }),
  z.strictObject({
    of: z.literal('best'),
    n: count,
    discordance: rate,
    together: rate,
    runs: count,
    each: count,
    selected: count,
  }),
  z.strictObject({
    of: z.literal('looks'),
    loss: rate,
    discordance: rate,
    runs: count,
    each: count,
    planned: count,
    last: count,
  }),
  z.strictObject({
    of: z.literal('losses'),
    n: count,
    interval: z.string(),
    points: count,
    runs: count,
    low: count,
    high: count,
    worst: rate,
    width: rate,
  }),
]);
type Row = z.infer<typeof row>;

const rowsOf = <Of extends Row['of']>(of: Of): readonly Extract<Row, { of: Of }>[] => {
  const rows = jsonLines(path.join(root, 'tests', 'bench', 'error-rates.jsonl'), row);
  const found = rows.filter((each): each is Extract<Row, { of: Of }> => each.of === of);
  if (found.length === 0) throw new Error(`error-rates.jsonl holds no ${of}`);
  return found;
};

interface Share {
  readonly count: number;
  readonly runs: number;
}

/** "12.3 (0.2)": percent, with the Monte Carlo standard error. */
const simulated = ({ count, runs }: Share): string => {
  const share = count / runs;
  return `${(100 * share).toFixed(1)} (${(100 * Math.sqrt((share * (1 - share)) / runs)).toFixed(1)})`;
};

const rangeOf = (shares: readonly Share[]): string => {
  const ascending = [...shares].sort((a, b) => a.count / a.runs - b.count / b.runs);
  const [low, high] = [ascending[0], ascending.at(-1)];
  if (low === undefined || high === undefined) throw new RangeError('a range of nothing');
  return `${simulated(low)} to ${simulated(high)} %`;
};

const RARE = {
  'one text in fifty loses far more': '1 in 50 by 20',
  'one in thirty loses all': '1 in 30 by 30',
} as const;

/** Perplexity called safe although it is worse by delta, for each number of texts. */
export const simulatedTexts = (): readonly string[] => {
  const rows = rowsOf('texts');
  const rare: readonly string[] = Object.values(RARE);
  const usual = [...new Set(rows.map(({ rise }) => rise))].filter((rise) => !rare.includes(rise));
  return table(
    ['texts', `${String(usual.length)} other distributions`, ...Object.keys(RARE)],
    [...Map.groupBy(rows, ({ n }) => String(n))].map(([n, own]) => [
      n,
      rangeOf(own.filter(({ rise }) => usual.includes(rise)).map(({ used, runs }) => ({ count: used, runs }))),
      ...rare.map((rise) => {
        const found = own.find((each) => each.rise === rise);
        if (found === undefined) throw new Error(`error-rates.jsonl holds no ${rise} of ${n} texts`);
        return `${simulated({ count: found.used, runs: found.runs })} %`;
      }),
    ]),
  );
};

/** Some method, or some look, called safe by mistake, and the power that planned looks cost. */
export const simulatedSelection = (): readonly string[] => {
  const [best, looks] = [rowsOf('best'), rowsOf('looks')];
  const worse = looks.filter(({ loss }) => loss > 0);
  const harmless = looks.find(({ loss, discordance }) => loss === 0 && discordance === 0.05);
  if (harmless === undefined) throw new Error('error-rates.jsonl holds no unharmed candidate');
  const { planned, last, runs } = harmless;
  return [
    ...table(
      ['called safe by mistake', 'each test at 5 %', 'as offered'],
      [
        ...[...Map.groupBy(best, ({ n }) => n.toLocaleString('en-US'))].map(([n, own]) => [
          `some of four methods, ${n} items`,
          rangeOf(own.map(({ each, runs: all }) => ({ count: each, runs: all }))),
          rangeOf(own.map(({ selected, runs: all }) => ({ count: selected, runs: all }))),
        ]),
        [
          'one method, looked at with 150, 300, 600 and 1,200 items',
          rangeOf(worse.map(({ each, runs: all }) => ({ count: each, runs: all }))),
          rangeOf(worse.map(({ planned: own, runs: all }) => ({ count: own, runs: all }))),
        ],
      ],
    ),
    '',
    `Planned looks cost power: with 5 % of the items changing, an unharmed model is called safe by the last look in ` +
      `${simulated({ count: planned, runs })} % instead of ${simulated({ count: last, runs })} % (one look at 1,200).`,
  ];
};

const INTERVALS: Readonly<Record<string, string>> = {
  student: "Student's t, as used",
  johnson: "Johnson's shift for skewness",
  hall: "Hall's transformation",
  BCa: 'bias-corrected and accelerated bootstrap',
  studentised: 'studentised bootstrap',
  twice: "Student's t, the largest and the smallest loss counted twice",
};

/** Draws whose interval of the answer loss misses the mean, for each interval that was tried. */
export const simulatedLosses = (): readonly string[] => {
  const rows = rowsOf('losses');
  const sizes = [...new Set(rows.map(({ n }) => n))];
  const used = rows.filter(({ interval }) => interval === 'student');
  const worst = used.map((own) => (100 * own.worst).toFixed(0)).join(', ');
  const tooLow = used.map((own) => simulated({ count: own.low, runs: own.low + own.high }));
  return [
    ...table(
      ['interval', ...sizes.map((n) => `${String(n)} items`), 'width'],
      [...Map.groupBy(rows, ({ interval }) => interval)].map(([interval, own]) => [
        INTERVALS[interval] ?? interval,
        ...own.map(({ low, high, runs }) => `${simulated({ count: low + high, runs })} %`),
        own.map(({ width }) => width.toFixed(1)).join(', '),
      ]),
    ),
    '',
    `Of the misses of Student's t, ${tooLow.join(', ')} % were too low. The worst of the ` +
      `${String(used[0]?.points ?? 0)} points missed in ${worst} %.`,
  ];
};

/** How often the interval in use misses, as the tooltip of the answer loss says it. */
export const missedWords = (): string => {
  const rows = rowsOf('losses');
  const shares = rows
    .filter(({ interval }) => interval === 'student')
    .map(({ n, low, high, runs }, at) => {
      const share = `${((100 * (low + high)) / runs).toFixed(0)} %`;
      return at === 0 ? `${share} of draws of ${String(n)} items` : `${share} of ${String(n)}`;
    });
  return `${shares.slice(0, -1).join(', ')} and ${shares.at(-1) ?? ''}`;
};
