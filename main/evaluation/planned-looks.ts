import { refuse } from '../contract/errors.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { ONE_SIDED_ALPHA } from './verdicts.ts';

/**
 * One-sided levels of looks at growing numbers of items (ascending), planned before the first: the level is spent in
 * proportion to the items, and each look tests at the part that it adds. The chance that any look rejects a true
 * hypothesis is then at most `alpha`, by the sum of the parts, however the looks depend on each other. Source: spending
 * of the level, Lan and DeMets 1983 (Biometrika 70), linear; without their joint distribution, and so conservative.
 *
 * @throws RangeError for numbers that are not positive and ascending.
 */
export const plannedLevels = (items: readonly number[], alpha: number): number[] => {
  const all = items.at(-1) ?? 0;
  return items.map((n, look) => {
    const before = items[look - 1] ?? 0;
    if (!(n > before)) throw new RangeError(`looks must be ascending numbers of items, not ${items.join(', ')}`);
    return (alpha * (n - before)) / all;
  });
};

type Looking = Pick<SweepSettings, 'looks' | 'limit'>;

/**
 * The one-sided level of a sweep's tests, where it is one of several planned looks: that of the look with as many items
 * as its limit, or of the last one without a limit; undefined without planned looks.
 *
 * @throws WorkbenchError `bad-usage` for looks that are not ascending, or a limit that is none of them.
 */
export const levelOfLook = ({ looks, limit }: Looking): number | undefined => {
  if (looks === undefined) return undefined;
  const items = looks.split(',').map(Number);
  const isAscending = items.every((n, at) => n > (items[at - 1] ?? 0));
  if (!isAscending)
    throw refuse('bad-usage', `The planned looks ${looks} do not ascend.`, 'Give growing numbers of items.');
  const look = limit === null ? items.length - 1 : items.indexOf(limit);
  const level = plannedLevels(items, ONE_SIDED_ALPHA)[look];
  if (level !== undefined) return level;
  throw refuse(
    'bad-usage',
    `The item limit ${String(limit)} is none of the planned looks ${looks}.`,
    `Give one of them as --limit, or none for the last one.`,
  );
};

/** Refuses planned looks that cannot be, and those of a sweep that stops or searches by tests at 5 %. */
export const requireLooks = (settings: Looking & Pick<SweepSettings, 'stop' | 'adaptive'>): void => {
  if (levelOfLook(settings) === undefined || (settings.stop === undefined && !settings.adaptive)) return;
  throw refuse(
    'bad-usage',
    'Planned looks test at levels below 5 %, and searches decide at 5 % what they measure.',
    'Leave out --looks, or --adaptive and --stop early.',
  );
};

/** Looks after which the level is not halved any more: it allows one false "safe" in twenty thousand by then. */
const MOST_HALVINGS = 10;

/**
 * The one-sided level of a look at test items that were looked at before, without a plan for further looks: 5 % at the
 * first, and half of it for each earlier look. The chance that any of the looks calls something safe by mistake is then
 * at most 10 %, by the sum of the levels, however many there are.
 */
export const levelAfterLooks = (earlier: number): number =>
  ONE_SIDED_ALPHA / 2 ** Math.min(MOST_HALVINGS, Math.max(0, earlier));
