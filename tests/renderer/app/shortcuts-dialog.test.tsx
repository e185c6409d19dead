import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { showShortcut } from '../../../renderer/actions/shortcut.ts';
import { ShortcutSheet } from '../../../renderer/app/shortcuts-dialog.tsx';
import { actions } from '../../../renderer/app/views.tsx';

test('the sheet lists every command that has a key, once', () => {
  const sheet = renderToStaticMarkup(<ShortcutSheet />);
  for (const { label, shortcut } of actions) {
    if (shortcut === undefined) continue;
    const text = label.replaceAll('&', '&amp;').replaceAll("'", '&#x27;');
    expect(sheet.split(`<dt>${text}</dt><dd><kbd>${showShortcut(shortcut, false)}</kbd></dd>`), label).toHaveLength(2);
  }
});
