import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runBefore } from '../../../../renderer/features/jobs/jobs-bar.tsx';

test('a job moved onto another takes its position', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (order, one, other) => {
      const [run, target] = [order[one % order.length] ?? '', order[other % order.length] ?? ''];
      fc.pre(run !== target);
      const before = runBefore(order, run, target);
      const others = order.filter((known) => known !== run);
      const index = before === null ? others.length : others.indexOf(before);
      const moved = [...others.slice(0, index), run, ...others.slice(index)];
      expect(moved.indexOf(run)).toBe(order.indexOf(target));
    }),
  );
});
