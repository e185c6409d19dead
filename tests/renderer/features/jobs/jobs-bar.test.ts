import fc from 'fast-check';
import { expect, test } from 'vitest';
import { moved } from '../../../../renderer/features/jobs/jobs-bar.tsx';

test('a job moved onto another takes its position', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (order, one, other) => {
      const [run, target] = [order[one % order.length] ?? '', order[other % order.length] ?? ''];
      fc.pre(run !== target);
      const next = moved(order, run, target);
      expect(next.indexOf(run)).toBe(order.indexOf(target));
      expect(next.filter((known) => known !== run)).toEqual(order.filter((known) => known !== run));
    }),
  );
});
