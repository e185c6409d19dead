import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { ExpertBars, sharesTogether } from '../../../../renderer/features/inspector/expert-others.tsx';
import { ExpertTakes, visibleText } from '../../../../renderer/features/inspector/expert-depth.tsx';

const token = {
  token: 3,
  text: ' a\n',
  taken: 4,
  of: 5,
  gate: 2.5,
  surprise: 7.25,
  contexts: [{ before: 'sort ', token: ' a\n', behind: 'b', gate: 0.875 }],
};

test('tokens show their spaces, their weights and their contexts', () => {
  const markup = renderToStaticMarkup(
    <ExpertTakes
      tokens={100}
      takes={{
        sampled: 10,
        taken: 4,
        byCount: [],
        byGate: [],
        bySurprise: [token],
        classes: [{ name: 'digit', of: 5, taken: 4 }],
        positions: [{ from: 2, to: 3, of: 5, taken: 0 }],
      }}
    />,
  );
  for (const text of [
    'A sample of 10 of 100 tokens, drawn evenly; chosen for 4.',
    '<code>\u2423a\u23ce</code>',
    '7.3',
    'sort\u2423<mark>\u2423a\u23ce</mark>b',
    '0.88',
    'digit: chosen for 4 of 5 tokens, 80.0\u202f%; of all tokens 40.0\u202f%',
    '2–3: chosen for 0 of 5 tokens, 0.0\u202f%',
  ])
    expect(markup).toContain(text);
});

test('a bar never exceeds its track, and is next to the mark of the expected value', () => {
  const markup = renderToStaticMarkup(
    <ExpertBars label="x" rows={[{ key: 'a', name: 'a', length: -0.5, mark: 2, value: '1', text: 'all' }]} />,
  );
  expect(markup).toContain('width:0%');
  expect(markup).toContain('left:100%');
});

test('shares of a layer are relative to each row’s own tokens, and an expert without tokens has none', () => {
  expect(
    sharesTogether([
      [4, 2],
      [2, 0],
    ]),
  ).toEqual([
    [null, 0.5],
    [0, null],
  ]);
});

test('nothing is invisible', () => {
  expect(visibleText('')).toBe('(nothing)');
  expect(visibleText('\t \r')).toBe('\u21e5\u2423\u240d');
});
