import { describedPlanSettings } from './plan.ts';

/** Keys that define how a plan is made, besides its method, factor and pins. */
export const PLAN_KEYS: readonly string[] = [
  ...Object.keys(describedPlanSettings.shape),
  ...['counts', 'options', 'chat', 'for', 'weights'],
];

/** Keys of what views show, besides the point and the panel. */
export const SHOWN_KEYS = [
  'chart',
  'margin',
  'familywise',
  'enlarged',
  'hidden',
  'tables',
  'answers',
  'against',
  'sweep',
  'filter',
  'archived',
  'chosen',
  'sort',
  'group',
  'columns',
  'pinned',
  'unfolded',
  'compared',
  'slice',
] as const;

/** Keys of the fragment of the page's address; `renderer/state/address.ts` writes and reads it. */
const KEYS: ReadonlySet<string> = new Set([
  'view',
  'model',
  'task',
  'tasks',
  'method',
  'factor',
  'pins',
  'run',
  'beside',
  'expert',
  // Settings of the map.
  'metric',
  'colours',
  'minus',
  'order',
  'point',
  'panel',
  ...SHOWN_KEYS,
  ...PLAN_KEYS,
]);

/** Enough for an address with hundreds of pins. */
export const MAX_FRAGMENT_LENGTH = 16_384;

/**
 * The fragment (without its `#`) of a link from elsewhere; null unless it could be the page's own address: no unknown
 * key, path or control character.
 */
export const linkedFragment = (fragment: string): string | null => {
  const text = fragment.replace(/^#/, '');
  if (text === '' || text.length > MAX_FRAGMENT_LENGTH) return null;
  const address = new URLSearchParams(text);
  for (const [key, value] of address) {
    if (!KEYS.has(key) || /[/\\\p{Cc}]/u.test(value)) return null;
  }
  return address.toString();
};
