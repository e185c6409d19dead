import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { Problem } from '../../../renderer/components/problem.tsx';

test('a problem that may pass has a button that tries again', () => {
  const error = { message: 'runs cannot be read', remedy: '' };
  expect(renderToStaticMarkup(<Problem error={{ ...error, again: () => undefined }} />)).toContain(
    '>Try again</button>',
  );
  expect(renderToStaticMarkup(<Problem error={error} />)).not.toContain('<button');
});
