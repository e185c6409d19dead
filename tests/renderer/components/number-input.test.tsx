import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { NumberInput, numberTyped, wholeFrom } from '../../../renderer/components/number-input.tsx';

test('input is a number, empty, or not a number', () => {
  expect([numberTyped('12', false), numberTyped('0.05', false), numberTyped(' ', false)]).toEqual([12, 0.05, null]);
  // A browser reports an empty text for characters that are no number yet.
  expect(numberTyped('', true)).toBeNaN();
});

test('only whole numbers within the bounds are accepted', () => {
  const isFit = wholeFrom(2, 16);
  expect([1, 2, 16, 17, 2.5, null].map(isFit)).toEqual([false, true, true, false, false, false]);
});

test('an untouched field shows the current value', () => {
  const field = (value: number | null) =>
    renderToStaticMarkup(<NumberInput value={value} accepts={() => true} onChange={() => undefined} />);
  expect(field(0.02)).toContain('value="0.02"');
  expect(field(null)).toContain('value=""');
  expect(field(1)).toContain('aria-invalid="false"');
});
