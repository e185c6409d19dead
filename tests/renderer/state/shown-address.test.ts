import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linkedFragment } from '../../../main/contract/page-fragment.ts';
import { RUN_GROUPS, runColumns, RUNS_SHOWN } from '../../../main/figures/run-tables.ts';
import { hasShown, readShown, type Shown, shownWords } from '../../../renderer/state/shown-address.ts';
import { curvesModes } from '../../../renderer/state/view-stores.ts';

const writtenOf = (shown: Shown): URLSearchParams => new URLSearchParams(shownWords(shown).map(([...pair]) => pair));
const readOf = (address: URLSearchParams): Shown => readShown((key) => address.get(key));
const plain = readOf(new URLSearchParams());

test('the defaults are not written, and nothing else says so', () => {
  expect(shownWords(plain)).toEqual([]);
  expect(plain.columns).toBe(RUNS_SHOWN);
  expect(hasShown(new URLSearchParams('view=runs&model=m'))).toBe(false);
  expect(hasShown(new URLSearchParams('sort=-n'))).toBe(true);
});

test('what is shown is read back from an address that the engine stores', () => {
  const names = runColumns.flatMap(([name, , shown]) => (shown === undefined ? [] : [name]));
  const runs = fc.subarray(['sweep-1', 'profile-20260101-002', 'sample']);
  const shown: fc.Arbitrary<Shown> = fc.record({
    chart: fc.constantFrom(...curvesModes),
    filter: fc.string({ unit: 'grapheme' }),
    archived: fc.boolean(),
    chosen: runs,
    sort: fc.option(fc.record({ column: fc.constantFrom(...names), descending: fc.boolean() })),
    group: fc.option(fc.constantFrom(...RUN_GROUPS)),
    columns: fc.subarray(names, { minLength: 1 }),
    pinned: runs,
    unfolded: runs,
  });
  fc.assert(
    fc.property(shown, (one) => {
      const written = writtenOf(one);
      expect(readOf(written)).toEqual(one);
      if ([...written].length > 0) expect(linkedFragment(written.toString())).not.toBeNull();
    }),
  );
});

test('unknown words mean the defaults', () => {
  const address = new URLSearchParams('chart=pie&sort=-nothing&group=colour&columns=gone&chosen=../x&filter=50%');
  expect(readOf(address)).toEqual({ ...plain, filter: '50%' });
});
