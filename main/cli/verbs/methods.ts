import { refuse } from '../../contract/errors.ts';
import { methodName } from '../../contract/plan.ts';
import { methods as table } from '../../pruning/methods.ts';
import { suggestion } from '../nearest-name.ts';
import { textList } from '../text-table.ts';
import type { Verb } from '../verb.ts';

export const methods: Verb = {
  name: 'methods',
  usage: '[NAME]',
  summary: 'What each pruning method does, needs and gets wrong.',
  positionals: [0, 1],
  options: {},
  run: async ({ positionals: [named] }) => {
    if (named === undefined) {
      const pages = methodName.options.map((name) => table[name]);
      return {
        document: pages.map(({ name, title, summary, kind, needs }) => ({ name, title, summary, kind, needs })),
        text: textList(pages.map(({ name, summary }) => [name, summary])),
      };
    }
    const name = methodName.safeParse(named);
    if (!name.success) throw refuse('no-such-method', `There is no method "${named}".`, suggestion(named, methodName.options));
    const { title, summary, kind, needs, formula, source, defaults, pitfalls, random } = table[name.data];
    const text = [
      `${title} (${name.data})`,
      '',
      summary,
      '',
      textList([
        ['does', kind === 'drop' ? 'drops experts' : 'merges experts'],
        ['needs', needs === 'nothing' ? 'no profile' : 'a profile of the task'],
        ['random', random ? 'plans depend on the seed' : 'no'],
        ['formula', formula],
        ['defaults', defaults],
        ['source', source],
      ]),
      '',
      'Pitfalls:',
      ...pitfalls.map((pitfall) => `- ${pitfall}`),
    ].join('\n');
    return { document: { name: name.data, title, summary, kind, needs, random, formula, defaults, source, pitfalls }, text };
  },
};
