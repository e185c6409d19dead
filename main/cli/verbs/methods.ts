import { methodPage } from '../../pruning/method-page.ts';
import { methodNamed, methods as table } from '../../pruning/methods.ts';
import { textList } from '../terminal-text.ts';
import type { Verb } from '../verb.ts';

export const methods: Verb = {
  name: 'methods',
  usage: '[NAME]',
  summary: 'Explains each pruning method: what it does, its data, options and weaknesses.',
  positionals: [0, 1],
  options: {},
  run: async ({ positionals: [named] }) => {
    if (named === undefined) {
      const pages = table.map(methodPage);
      return {
        document: pages.map(({ name, title, summary, kind, needs }) => ({ name, title, summary, kind, needs })),
        text: textList(pages.map(({ name, summary }) => [name, summary])),
      };
    }
    const { text, ...document } = methodPage(methodNamed(named));
    return { document, text };
  },
};
