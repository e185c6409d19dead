import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { NumberInput, numberTyped, wholeFrom } from '../../../renderer/components/number-input.tsx';

test('what is typed is a number, nothing, or no number', () => {
  expect([numberTyped('12', false), numberTyped('0.05', false), numberTyped(' ', false)]).toEqual([12, 0.05, null]);
  // A browser gives an empty text for letters that are no number yet.
  expect(numberTyped('', true)).toBeNaN();
});

test('whole numbers within their ends can stand, and nothing else', () => {
  const isFit = wholeFrom(2, 16);
  expect([1, 2, 16, 17, 2.5, null].map(isFit)).toEqual([false, true, true, false, false, false]);
});

test('a field that is not typed into shows what holds', () => {
  const field = (value: number | null) =>
    renderToStaticMarkup(<NumberInput value={value} accepts={() => true} onChange={() => undefined} />);
  expect(field(0.02)).toContain('value="0.02"');
  expect(field(null)).toContain('value=""');
  expect(field(1)).toContain('aria-invalid="false"');
});
