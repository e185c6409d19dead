import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { MessageBox } from '../../../renderer/app/banners.tsx';

const notices = ['first', 'second', 'third', 'fourth'].map((message, id) => ({
  id,
  kind: 'error' as const,
  message,
  remedy: '',
}));
const drawn = (count: number): string =>
  renderToStaticMarkup(<MessageBox isShown notices={notices.slice(0, count)} waits={[]} />);
/** Messages of the cards, of those that are hidden or of the others. */
const cards = (html: string, hidden: boolean): readonly string[] =>
  [...html.matchAll(/<div class="notice notice-error"( hidden="")?>.*?<p>(.*?)<\/p>/g)]
    .filter(([, isHidden]) => (isHidden !== undefined) === hidden)
    .map(([, , message]) => message ?? '');

test('two messages stand at once, the latest; earlier ones wait behind a button that counts them', () => {
  const many = drawn(4);
  expect(cards(many, false)).toEqual(['third', 'fourth']);
  expect(cards(many, true)).toEqual(['first', 'second']);
  expect(many).toContain('2 earlier messages');
  const few = drawn(2);
  expect(cards(few, false)).toEqual(['first', 'second']);
  expect(few).not.toContain('earlier');
});
