import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleRows } from '../../../renderer/components/windowed-list.tsx';

test('every visible row is rendered, and few others', () => {
  const some = { count: fc.nat(5000), row: fc.integer({ min: 10, max: 60 }), top: fc.nat(300_000), view: fc.nat(2000) };
  fc.assert(
    fc.property(some.count, some.row, some.top, some.view, (count, row, scrolled, view) => {
      const top = Math.min(scrolled, Math.max(0, count * row - view));
      const { first, end } = visibleRows(count, row, top, view);
      for (let index = 0; index < count; index += 1) {
        const isSeen = index * row < top + view && (index + 1) * row > top;
        if (isSeen) expect(index >= first && index < end).toBe(true);
      }
      expect(first).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(count);
      expect(end - first).toBeLessThanOrEqual(Math.ceil(view / row) + 18);
    }),
  );
});
