import { refuse } from '../../contract/errors.ts';
import { methodName } from '../../contract/plan.ts';
import { methodPage } from '../../pruning/method-page.ts';
import { methods as table } from '../../pruning/methods.ts';
import { suggestion } from '../nearest-name.ts';
import { textList } from '../text-table.ts';
import type { Verb } from '../verb.ts';

export const methods: Verb = {
  name: 'methods',
  usage: '[NAME]',
  summary: 'What each pruning method does, needs, offers and gets wrong.',
  positionals: [0, 1],
  options: {},
  run: async ({ positionals: [named] }) => {
    if (named === undefined) {
      const pages = methodName.options.map((name) => methodPage(table[name]));
      return {
        document: pages.map(({ name, title, summary, kind, needs }) => ({ name, title, summary, kind, needs })),
        text: textList(pages.map(({ name, summary }) => [name, summary])),
      };
    }
    const name = methodName.safeParse(named);
    if (!name.success)
      throw refuse('no-such-method', `There is no method "${named}".`, suggestion(named, methodName.options));
    const { text, ...document } = methodPage(table[name.data]);
    return { document, text };
  },
};
